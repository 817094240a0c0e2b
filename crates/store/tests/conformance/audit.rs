//! The audit log.

use keyward_domain::audit::{AuditEntry, Outcome};
use keyward_domain::ids::{AuditId, TenantId};
use keyward_domain::port::{Change, Store};

use crate::support::START;
use crate::support::record::{alias, audit};

pub fn audit_positions_have_no_gaps(store: &dyn Store) {
    store.commit(&[Change::PutAlias(alias("a"))], &audit(1)).unwrap();
    store.commit(&[Change::PutAlias(alias("a"))], &audit(2)).unwrap_err();
    store.commit(&[], &audit(3)).unwrap();
    store.commit(&[Change::PutAlias(alias("b"))], &audit(4)).unwrap();
    let log: Vec<_> = store.audit(None, 10).unwrap().iter().map(|entry| (entry.seq, entry.id.bits())).collect();
    assert_eq!(log, [(3, 4), (2, 3), (1, 1)]);
}

pub fn an_entry_comes_back_as_it_was(store: &dyn Store) {
    let mut draft = audit(77);
    draft.outcome = Outcome::Refused;
    store.commit(&[], &draft).unwrap();
    let expected = AuditEntry {
        seq: 1,
        id: AuditId::from_bits(77),
        at: START,
        actor: "local-owner".to_owned(),
        tenant: TenantId::DEFAULT,
        action: "key.add".to_owned(),
        object: "pk_1".to_owned(),
        outcome: Outcome::Refused,
        detail: "by hand".to_owned(),
    };
    assert_eq!(store.audit(None, 10).unwrap(), [expected]);
}

pub fn pages_go_backwards(store: &dyn Store) {
    for n in 1..=7 {
        store.commit(&[], &audit(n)).unwrap();
    }
    let page =
        |before, limit| -> Vec<u64> { store.audit(before, limit).unwrap().iter().map(|entry| entry.seq).collect() };
    assert_eq!(page(None, 3), [7, 6, 5]);
    assert_eq!(page(Some(5), 3), [4, 3, 2]);
    assert_eq!(page(Some(2), 3), [1]);
    assert_eq!(page(Some(1), 3), [0_u64; 0]);
    assert_eq!(page(Some(u64::MAX), 1), [7]);
    assert_eq!(page(None, 0), [0_u64; 0]);
}
