//! Corrections: entries of their own next to what was written.

use std::time::Duration;

use keyward_domain::ledger::{
    AttemptOutcome, Correction, Dimension, Entry, FIRST_CORRECTION, RequestFilter, SpendQuery, UsageQuery,
};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::{Store, StoreError};
use keyward_domain::window::Zone;

use super::spend::attributed;
use crate::support::START;
use crate::support::record::audit;
use crate::support::row::{COST, entry, request};

fn note(prices: bool) -> Correction {
    let reason = "refunded".to_owned();
    Correction { corrects: 1, made_at: START, reason, repriced: prices, prices }
}

fn corrected(attempt: &Entry, number: u8, amount: i64) -> Entry {
    attempt.corrected(number, Nanodollars(amount), &"2026-11-20".into(), &note(attempt.cost.is_none()))
}

fn total(store: &dyn Store) -> (u64, u64, i64) {
    let until = START.plus(Duration::from_hours(1));
    let query = UsageQuery { since: START, until, group_by: vec![], zone: Zone::default() };
    let row = &store.usage(&query).unwrap()[0];
    let totals = store.ledger_totals().unwrap();
    assert_eq!((totals.unpriced, totals.cost), (row.unpriced, row.cost));
    (row.attempts, row.unpriced, row.cost.0)
}

pub fn a86_a_correction_may_exceed_what_was_spent(store: &dyn Store) {
    let row = attributed(1);
    store.append(std::slice::from_ref(&row), &[]).unwrap();
    let refund = corrected(&row, FIRST_CORRECTION, -5 * COST.0);
    store.correct(std::slice::from_ref(&refund), &audit(1)).unwrap();
    assert_eq!(total(store), (1, 0, -4 * COST.0));
    // In every scope that the attempt touched, in the quarter in which it began.
    for scope in row.subject.scopes() {
        let until = START.plus(Duration::from_hours(1));
        let query = SpendQuery { kind: scope.kind(), scope: Some(scope.clone()), since: START, until };
        let spends = store.spend(&query).unwrap();
        assert_eq!((spends.len(), spends[0].attempts, spends[0].cost), (1, 1, Nanodollars(-4 * COST.0)), "{scope}");
    }
    let by_tag = UsageQuery {
        since: START,
        until: START.plus(Duration::from_hours(1)),
        group_by: vec![Dimension::Tag],
        zone: Zone::default(),
    };
    assert!(store.usage(&by_tag).unwrap().iter().all(|row| row.cost.0 == -4 * COST.0));
    // The row is what it was.
    assert_eq!(store.request(request(1)).unwrap().unwrap().attempts, [row, refund]);
    assert_eq!(store.audit(None, 10).unwrap().len(), 1);
}

pub fn corrections_and_their_audit_entry_are_added_both_or_neither(store: &dyn Store) {
    store.append(&[entry(1), entry(2)], &[]).unwrap();
    store.correct(&[corrected(&entry(1), 128, -1)], &audit(1)).unwrap();
    // One number is free and one is taken: somebody was quicker.
    let both = [corrected(&entry(2), 128, -10), corrected(&entry(1), 128, -100)];
    let refused = store.correct(&both, &audit(2)).unwrap_err();
    assert!(matches!(&refused, StoreError::Conflict(what) if what.contains("req_")), "{refused}");
    assert_eq!(total(store), (2, 0, 2 * COST.0 - 1));
    assert_eq!(store.audit(None, 10).unwrap().len(), 1);
    assert_eq!(store.request(request(2)).unwrap().unwrap().attempts, [entry(2)]);
    // What was refused can be done again under other numbers.
    store.correct(&[corrected(&entry(2), 128, -10), corrected(&entry(1), 129, -100)], &audit(3)).unwrap();
    assert_eq!(total(store), (2, 0, 2 * COST.0 - 111));
    assert_eq!(store.request(request(1)).unwrap().unwrap().next_correction(), Some(130));
}

pub fn what_gives_an_attempt_a_price_takes_it_from_the_unpriced(store: &dyn Store) {
    let unknown = Entry { cost: None, ..entry(1) };
    store.append(&[unknown.clone(), Entry { cost: None, ..entry(2) }], &[]).unwrap();
    assert_eq!(total(store), (2, 2, 0));
    store.correct(&[corrected(&unknown, 128, 700)], &audit(1)).unwrap();
    assert_eq!(total(store), (2, 1, 700));
}

pub fn a_corrected_request_is_still_what_its_attempts_made_it(store: &dyn Store) {
    let failed = Entry { outcome: AttemptOutcome::Cut, ..entry(2) };
    store.append(&[entry(1), failed.clone()], &[]).unwrap();
    store.correct(&[corrected(&entry(1), 128, -1), corrected(&failed, 128, -1)], &audit(1)).unwrap();
    let failed_only = RequestFilter { failed_only: true, limit: 10, ..RequestFilter::default() };
    let failures: Vec<_> = store.requests(&failed_only).unwrap().iter().map(|row| row.request).collect();
    assert_eq!(failures, [request(2)]);
    let row = store.request(request(1)).unwrap().unwrap();
    assert_eq!((row.attempts.len(), row.made().count()), (2, 1));
    let note = row.attempts[1].correction().unwrap();
    assert_eq!((note.corrects, note.reason.as_str(), note.made_at), (1, "refunded", START));
    assert_eq!(row.attempts[0].correction(), None);
}
