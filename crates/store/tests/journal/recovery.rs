//! From the journal to the store: gracefully, and after a sudden end.

use std::sync::Arc;

use keyward_domain::call_name::CallName;
use keyward_domain::ledger::{AttemptOutcome, Entry, RequestFilter};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::{Journals, Store};
use keyward_domain::time::Timestamp;
use keyward_domain::usage::{Usage, UsageSource};
use keyward_store::journal::{Closed, FileJournals, OpenError, Options, Recovered};
use keyward_store::memory::MemoryStore;

use super::{open, quick, try_open};
use crate::support::faulty::FaultyStore;
use crate::support::row::{RESERVED, entry, odd, refusal, request, subject};
use crate::support::{Collected, Home, ManualClock};

fn memory() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new())
}

/// Never takes a row, so that everything stays in the journal.
fn deaf() -> Arc<dyn Store> {
    FaultyStore::down(&ManualClock::new())
}

fn everything(store: &dyn Store) -> Vec<keyward_domain::ledger::RequestRow> {
    store.requests(&RequestFilter { limit: 1000, ..RequestFilter::default() }).unwrap()
}

#[test]
fn settled_rows_come_to_the_store_as_they_are() {
    let home = Home::new();
    let store = memory();
    let seen = Collected::new();
    let observer = {
        let seen = seen.clone();
        Arc::new(move |entries: &[Entry]| seen.add(entries.to_vec()))
    };
    let (journals, recovered) = open(&home, &store, Options { observer: Some(observer), ..quick() });
    assert_eq!(recovered, Recovered::default());
    let mut writer = Journals::open(&journals, 0).unwrap();
    writer.reserve(&subject(1));
    writer.reserve(&odd(2).subject);
    writer.commit().unwrap();
    writer.settle(entry(1));
    writer.refuse(refusal(3));
    writer.commit().unwrap();
    writer.settle(odd(2));
    writer.commit().unwrap();
    writer.syncer().sync().unwrap();
    drop(writer);
    assert_eq!(journals.close().unwrap(), Closed { projected: 3, complete: true, unsettled: 0 });
    let rows = everything(store.as_ref());
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0].refusal, Some(refusal(3)));
    assert_eq!(rows[1].attempts, [odd(2)]);
    assert_eq!(rows[2].attempts, [entry(1)]);
    assert_eq!(seen.take(), [entry(1), odd(2)]);
    assert_eq!(home.segments(), [], "nothing waits, so nothing is left");
}

#[test]
fn m07_after_a_sudden_end_settled_rows_are_replayed_and_open_reservations_are_explicit() {
    let home = Home::new();
    let (journals, _) = open(&home, &deaf(), quick());
    let mut writer = Journals::open(&journals, 3).unwrap();
    for n in 0..10 {
        writer.reserve(&subject(n));
    }
    writer.reserve(&odd(10).subject);
    writer.commit().unwrap();
    for n in 0..7 {
        writer.settle(entry(n));
    }
    writer.refuse(refusal(20));
    writer.commit().unwrap();
    writer.settle(entry(7));
    // No commit: that settlement died with the process.
    std::mem::forget(writer);
    drop(journals);

    let store = memory();
    let (journals, recovered) = open(&home, &store, quick());
    assert_eq!(recovered, Recovered { replayed: 7, unsettled: 4, torn_bytes: 0 });
    for n in 0..7 {
        assert_eq!(store.request(request(n)).unwrap().unwrap().attempts, [entry(n)]);
    }
    for n in 7..10 {
        let unsettled = &store.request(request(n)).unwrap().unwrap().attempts[0];
        assert_eq!(unsettled.subject, subject(n));
        assert_eq!((unsettled.outcome, unsettled.source), (AttemptOutcome::Unsettled, UsageSource::Estimated));
        assert_eq!((unsettled.cost, unsettled.usage), (Some(RESERVED), Usage::default()));
    }
    // Reserved without a price: the cost stays unknown, it does not become zero.
    assert_eq!(store.request(request(10)).unwrap().unwrap().attempts[0].cost, None);
    assert_eq!(store.request(request(20)).unwrap().unwrap().refusal, Some(refusal(20)));
    let totals = store.ledger_totals().unwrap();
    assert_eq!((totals.entries, totals.unsettled, totals.unpriced), (11, 4, 1));
    assert_eq!(home.segments(), []);
    drop(journals);
}

#[test]
fn m07_replayed_twice_is_replayed_once() {
    let home = Home::new();
    let (journals, _) = open(&home, &deaf(), quick());
    let mut writer = Journals::open(&journals, 0).unwrap();
    for n in 0..5 {
        writer.reserve(&subject(n));
    }
    for n in 0..3 {
        writer.settle(entry(n));
    }
    writer.commit().unwrap();
    std::mem::forget(writer);
    drop(journals);
    let copies: Vec<_> =
        home.segments().into_iter().map(|(path, _)| (path.clone(), std::fs::read(path).unwrap())).collect();

    let store = memory();
    let (_, first) = open(&home, &store, quick());
    assert_eq!(first, Recovered { replayed: 3, unsettled: 2, torn_bytes: 0 });
    let (rows, totals) = (everything(store.as_ref()), store.ledger_totals().unwrap());
    // The files come back, as after a power cut that undid their removal.
    for (path, bytes) in copies {
        std::fs::write(path, bytes).unwrap();
    }
    let (_, second) = open(&home, &store, quick());
    assert_eq!(second, Recovered::default());
    assert_eq!((everything(store.as_ref()), store.ledger_totals().unwrap()), (rows, totals));
}

#[test]
fn a_store_that_refuses_at_the_start_loses_nothing() {
    let home = Home::new();
    let (journals, _) = open(&home, &deaf(), quick());
    let mut writer = Journals::open(&journals, 0).unwrap();
    writer.reserve(&subject(1));
    writer.settle(entry(1));
    writer.reserve(&subject(2));
    writer.commit().unwrap();
    std::mem::forget(writer);
    drop(journals);
    let before = home.segments();
    let refused = try_open(&home, &deaf(), quick()).err().unwrap();
    assert!(matches!(refused, OpenError::Store(_)), "{refused}");
    assert_eq!(home.segments(), before);
    let (_, recovered) = open(&home, &memory(), quick());
    assert_eq!(recovered, Recovered { replayed: 1, unsettled: 1, torn_bytes: 0 });
}

#[test]
fn segments_are_removed_while_the_process_lives() {
    let home = Home::new();
    let store = memory();
    let (journals, _) = open(&home, &store, Options { segment_bytes: 4096, ..quick() });
    let mut writer = Journals::open(&journals, 0).unwrap();
    // One long call keeps the first segment alone, not those after it.
    writer.reserve(&subject(0));
    for n in 1..500 {
        writer.reserve(&subject(n));
        writer.commit().unwrap();
        writer.settle(entry(n));
        writer.commit().unwrap();
    }
    drop(writer);
    let closed = journals.close().unwrap();
    assert_eq!(closed, Closed { projected: 499, complete: true, unsettled: 1 });
    let left = home.segments();
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left[0].1 < 4096 + 1024, "{left:?}");
    drop(journals);
    let (_, recovered) = open(&home, &store, quick());
    assert_eq!(recovered, Recovered { replayed: 0, unsettled: 1, torn_bytes: 0 });
    assert_eq!(store.ledger_totals().unwrap().entries, 500);
}

#[test]
fn what_a_gone_writer_left_is_committed_at_the_end() {
    let home = Home::new();
    let store = memory();
    let (journals, _) = open(&home, &store, quick());
    let mut writer = Journals::open(&journals, 0).unwrap();
    writer.reserve(&subject(1));
    writer.commit().unwrap();
    drop(writer);
    // The next writer of that number knows the reservation.
    let mut writer = Journals::open(&journals, 0).unwrap();
    writer.settle(entry(1));
    drop(writer);
    assert_eq!(journals.close().unwrap(), Closed { projected: 1, complete: true, unsettled: 0 });
    assert_eq!(store.ledger_totals().unwrap().entries, 1);
    assert_eq!(home.segments(), []);
    // Closing again changes nothing.
    assert_eq!(journals.close().unwrap().projected, 1);
}

#[test]
fn closing_under_a_living_writer_is_no_success() {
    let home = Home::new();
    let (journals, _) = open(&home, &memory(), quick());
    let mut writer = Journals::open(&journals, 0).unwrap();
    writer.settle(entry(1));
    let refused = journals.close().unwrap_err();
    assert!(refused.to_string().contains("still at work"), "{refused}");
    drop(writer);
}

#[test]
fn m07_closing_while_the_store_is_down_leaves_the_rows_for_the_next_start() {
    let home = Home::new();
    let (journals, _) = open(&home, &deaf(), quick());
    let mut writer = Journals::open(&journals, 0).unwrap();
    writer.reserve(&subject(1));
    writer.settle(entry(1));
    drop(writer);
    assert_eq!(journals.close().unwrap(), Closed { projected: 0, complete: false, unsettled: 0 });
    drop(journals);
    let store = memory();
    let (_, recovered) = open(&home, &store, quick());
    assert_eq!(recovered, Recovered { replayed: 1, unsettled: 0, torn_bytes: 0 });
    assert_eq!(store.ledger_totals().unwrap().cost, entry(1).cost.unwrap());
}

#[test]
fn a_number_has_one_writer_and_a_folder_one_process() {
    let home = Home::new();
    let store = memory();
    let (journals, _) = open(&home, &store, quick());
    let first = Journals::open(&journals, 0).unwrap();
    assert!(Journals::open(&journals, 0).is_err());
    assert!(Journals::open(&journals, 1).is_ok());
    drop(first);
    assert!(Journals::open(&journals, 0).is_ok());
    let refused = try_open(&home, &store, quick()).err().unwrap();
    assert!(refused.to_string().contains("already running"), "{refused}");
}

#[test]
fn m07_many_writers_lose_and_double_nothing() {
    let home = Home::new();
    let store = memory();
    let (journals, _) = open(&home, &store, Options { segment_bytes: 16 * 1024, batch_rows: 50, ..quick() });
    std::thread::scope(|scope| {
        for worker in 0..4_u32 {
            let journals: &FileJournals = &journals;
            scope.spawn(move || {
                let mut writer = Journals::open(journals, usize::try_from(worker).unwrap()).unwrap();
                for round in 0..200 {
                    let n = worker * 1000 + round;
                    writer.reserve(&subject(n));
                    writer.commit().unwrap();
                    writer.settle(entry(n));
                    if round % 3 == 0 {
                        writer.commit().unwrap();
                        writer.syncer().sync().unwrap();
                    }
                }
            });
        }
    });
    let closed = journals.close().unwrap();
    assert_eq!(closed, Closed { projected: 800, complete: true, unsettled: 0 });
    let totals = store.ledger_totals().unwrap();
    assert_eq!((totals.entries, totals.cost), (800, Nanodollars(800 * entry(0).cost.unwrap().0)));
    assert_eq!(home.segments(), []);
}

#[test]
fn f06_a_name_is_in_the_journal_before_anything_is_sent() {
    let home = Home::new();
    let deaf = deaf();
    let name = |n: u8| Some(Arc::new(CallName { name: [n; 32], fingerprint: [n + 1; 32] }));
    let (journals, _) = open(&home, &deaf, quick());
    let mut writer = Journals::open(&journals, 0).unwrap();
    let (mut sent, mut done, mut never) = (subject(1), entry(2), entry(3));
    (sent.named, done.subject.named, never.subject.named) = (name(1), name(2), name(3));
    (never.outcome, never.cost) = (AttemptOutcome::NotSent, Some(Nanodollars::ZERO));
    for reserved in [&sent, &done.subject, &never.subject] {
        writer.reserve(reserved);
    }
    writer.settle(done);
    writer.settle(never);
    writer.commit().unwrap();
    drop((writer, journals));
    let store = memory();
    let (_journals, recovered) = open(&home, &store, quick());
    assert_eq!(recovered, Recovered { replayed: 2, unsettled: 1, torn_bytes: 0 });
    let known = store.named_calls(Timestamp::EPOCH, 10).unwrap();
    let known: Vec<_> = known.iter().map(|call| (call.name, call.request, call.is_settled)).collect();
    assert_eq!(known, [(*name(2).unwrap(), request(2), true), (*name(1).unwrap(), request(1), false)]);
}
