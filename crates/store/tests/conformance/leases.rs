//! Leases: they begin open, end once, and are told in the audit log.

use keyward_domain::lease::{Lease, LeaseState};
use keyward_domain::port::{Store, StoreError};

use crate::support::pool::{at, lease, over};
use crate::support::record::audit;

fn is_refused(store: &dyn Store, wanted: &Lease) {
    let refused = store.put_lease(wanted, Some(&audit(99))).unwrap_err();
    assert!(matches!(&refused, StoreError::Conflict(noun) if *noun == format!("lease `{}`", wanted.id)), "{refused}");
}

fn audited(store: &dyn Store) -> Vec<u128> {
    store.audit(None, 10).unwrap().iter().map(|entry| entry.id.bits()).collect()
}

pub fn a_lease_comes_back_as_it_was(store: &dyn Store) {
    assert_eq!(store.lease(lease(1).id).unwrap(), None);
    let bare = Lease { model: None, reserved: None, ..lease(2) };
    let ended = over(&lease(1), LeaseState::Reported, "12 tokens in, 7 out");
    store.put_lease(&lease(1), Some(&audit(1))).unwrap();
    store.put_lease(&bare, None).unwrap();
    assert_eq!(store.lease(bare.id).unwrap(), Some(bare.clone()));
    assert_eq!(store.lease(lease(1).id).unwrap(), Some(lease(1)));
    store.put_lease(&ended, Some(&audit(2))).unwrap();
    assert_eq!(store.lease(ended.id).unwrap(), Some(ended));
    assert_eq!(store.lease(bare.id).unwrap(), Some(bare));
    assert_eq!(audited(store), [2, 1]);
    // Leases are no configuration: nobody has to publish it anew.
    assert_eq!(store.load().unwrap().revision, 0);
}

pub fn a_lease_ends_once(store: &dyn Store) {
    let ends = [LeaseState::Reported, LeaseState::Expired, LeaseState::Returned];
    for (n, state) in (1..).zip(ends) {
        let ended = over(&lease(n), state, "it ended");
        // What never began cannot end.
        is_refused(store, &ended);
        store.put_lease(&lease(n), None).unwrap();
        store.put_lease(&ended, None).unwrap();
        is_refused(store, &lease(n));
        for other in ends.into_iter().filter(|other| *other != state) {
            is_refused(store, &over(&lease(n), other, "it ended"));
        }
        is_refused(store, &over(&lease(n), state, "otherwise"));
        assert_eq!(store.lease(lease(n).id).unwrap(), Some(ended));
    }
    assert_eq!(audited(store), [0_u128; 0]);
}

pub fn what_was_settled_when_a_lease_was_taken_stays(store: &dyn Store) {
    store.put_lease(&lease(1), None).unwrap();
    let ended = over(&lease(1), LeaseState::Reported, "it ended");
    is_refused(store, &Lease { reserved: None, ..ended.clone() });
    is_refused(store, &Lease { credential_name: "other".to_owned(), ..ended.clone() });
    is_refused(store, &Lease { expires_at: at(9_999), ..ended });
    is_refused(store, &Lease { expires_at: at(9_999), ..lease(1) });
    assert_eq!(store.lease(lease(1).id).unwrap(), Some(lease(1)));
}

pub fn a_take_and_a_report_may_be_repeated(store: &dyn Store) {
    let ended = over(&lease(1), LeaseState::Reported, "it ended");
    store.put_lease(&lease(1), Some(&audit(1))).unwrap();
    store.put_lease(&lease(1), Some(&audit(2))).unwrap();
    store.put_lease(&ended, Some(&audit(3))).unwrap();
    store.put_lease(&ended, Some(&audit(4))).unwrap();
    assert_eq!(audited(store), [3, 1]);
    assert_eq!(store.lease(ended.id).unwrap(), Some(ended));
}

pub fn of_two_reports_one_counts(store: &dyn Store) {
    store.put_lease(&lease(1), None).unwrap();
    let report = |n: u8| {
        let ended = over(&lease(1), LeaseState::Reported, &format!("report {n}"));
        store.put_lease(&ended, Some(&audit(n.into()))).is_ok()
    };
    let report = &report;
    let counted = std::thread::scope(|scope| {
        let reporters = [1, 2, 3, 4].map(|n| scope.spawn(move || report(n)));
        reporters.map(|reporter| reporter.join().unwrap()).into_iter().filter(|counted| *counted).count()
    });
    assert_eq!((counted, audited(store).len()), (1, 1));
}

pub fn open_leases_are_listed_by_their_end(store: &dyn Store) {
    assert_eq!(store.open_leases().unwrap(), []);
    let soon = Lease { expires_at: at(15), ..lease(3) };
    for taken in [&lease(1), &lease(2), &soon] {
        store.put_lease(taken, None).unwrap();
    }
    assert_eq!(store.open_leases().unwrap(), [soon.clone(), lease(1), lease(2)]);
    store.put_lease(&over(&lease(1), LeaseState::Returned, "not needed"), None).unwrap();
    assert_eq!(store.open_leases().unwrap(), [soon, lease(2)]);
}

pub fn old_leases_are_forgotten_when_they_have_ended(store: &dyn Store) {
    for n in 1..=3 {
        store.put_lease(&lease(n), None).unwrap();
    }
    let ended = over(&lease(1), LeaseState::Expired, "no report came");
    let younger = over(&lease(3), LeaseState::Reported, "it ended");
    store.put_lease(&ended, None).unwrap();
    store.put_lease(&younger, None).unwrap();
    store.forget_leases(younger.expires_at).unwrap();
    assert_eq!(store.lease(ended.id).unwrap(), None);
    assert_eq!(store.lease(lease(2).id).unwrap(), Some(lease(2)));
    assert_eq!(store.lease(younger.id).unwrap(), Some(younger));
}
