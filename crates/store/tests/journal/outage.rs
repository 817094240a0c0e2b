//! A store that does not take rows.

use std::sync::Arc;
use std::time::Duration;

use keyward_domain::ledger::Entry;
use keyward_domain::money::Nanodollars;
use keyward_domain::port::{Clock, Journals, Store};
use keyward_store::journal::{Closed, Failing, FileJournals, Options};

use super::quick;
use crate::support::faulty::FaultyStore;
use crate::support::row::{COST, entry, refusal, request, subject};
use crate::support::{Collected, Home, ManualClock, START};

const OUTAGE: Duration = Duration::from_mins(10);
const ROWS: u32 = 5000;

#[test]
fn m07_a_store_down_for_ten_minutes_loses_and_doubles_nothing() {
    let clock = ManualClock::new();
    ten_minutes(&clock, &FaultyStore::down_until(&clock, START.plus(OUTAGE)));
}

#[test]
fn m07_a_store_whose_answers_are_lost_doubles_nothing() {
    let clock = ManualClock::new();
    ten_minutes(&clock, &FaultyStore::losing_answers_until(&clock, START.plus(OUTAGE)));
}

fn ten_minutes(clock: &Arc<ManualClock>, store: &Arc<FaultyStore>) {
    let home = Home::new();
    let seen = Collected::new();
    let observer = {
        let seen = seen.clone();
        Arc::new(move |entries: &[Entry]| seen.add(entries.iter().map(|entry| entry.subject.attempt.request)))
    };
    let options =
        Options { segment_bytes: 64 * 1024, queued_rows: 500, batch_rows: 100, observer: Some(observer), ..quick() };
    let (ports, times): (Arc<dyn Store>, Arc<dyn Clock>) = (store.clone(), clock.clone());
    let (journals, _) = FileJournals::open(&home.journal(), ports, times, options).unwrap();
    let mut writer = Journals::open(&journals, 0).unwrap();
    for n in 0..ROWS {
        writer.reserve(&subject(n));
        if n % 7 == 0 {
            writer.commit().unwrap();
        }
        writer.settle(entry(n));
        if n % 5 == 0 {
            writer.commit().unwrap();
        }
    }
    writer.refuse(refusal(ROWS));
    writer.commit().unwrap();

    store.wait_for_refusals(20);
    let status = journals.status();
    let failing = Failing { since: START, reason: "the store failed: the disk is full".to_owned() };
    assert_eq!((status.failing, status.broken), (Some(failing), None));
    assert!(status.queued_rows <= 500 && status.spilled, "memory is bounded: {}", status.queued_rows);
    assert!(home.segments().len() > 10);

    clock.advance(OUTAGE);
    drop(writer);
    assert_eq!(journals.close().unwrap(), Closed { projected: u64::from(ROWS) + 1, complete: true, unsettled: 0 });
    assert_eq!(journals.status().failing, None);
    let totals = store.ledger_totals().unwrap();
    assert_eq!((totals.entries, totals.unsettled), (u64::from(ROWS), 0));
    assert_eq!(totals.cost, Nanodollars(i64::from(ROWS) * COST.0));
    for n in 0..ROWS {
        assert_eq!(store.request(request(n)).unwrap().unwrap().attempts, [entry(n)]);
    }
    assert!(store.request(request(ROWS)).unwrap().unwrap().refusal.is_some());
    let mut told = seen.take();
    assert_eq!(told.len(), usize::try_from(ROWS).unwrap(), "the observer heard of every row once");
    told.sort();
    told.dedup();
    assert_eq!(told.len(), usize::try_from(ROWS).unwrap());
    assert_eq!(home.segments(), []);
}
