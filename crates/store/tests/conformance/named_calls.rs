//! Calls that were made under a name.

use std::sync::Arc;
use std::time::Duration;

use keyward_domain::call_name::{CallName, MAX_NAMED_CALLS, NamedCall};
use keyward_domain::ledger::{AttemptOutcome, Entry};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::Store;
use keyward_domain::time::Timestamp;

use crate::support::START;
use crate::support::row::{attempt, ended, entry, request};

const ALWAYS: Timestamp = Timestamp::from_unix_millis(i64::MIN);

fn name(n: u8) -> CallName {
    CallName { name: [n; 32], fingerprint: [n + 100; 32] }
}

/// The row under this name.
fn named(n: u8, row: Entry) -> Entry {
    let mut row = row;
    row.subject.named = Some(Arc::new(name(n)));
    row
}

fn call(n: u8, row: &Entry, is_settled: bool) -> NamedCall {
    let ended_at = Timestamp::from_unix_millis(row.subject.at.plus(row.duration).unix_millis());
    NamedCall { name: name(n), request: row.subject.attempt.request, ended_at, is_settled }
}

pub fn a_row_that_was_made_under_a_name_keeps_it(store: &dyn Store) {
    let (made, unsettled) = (named(1, entry(1)), named(2, ended(2, AttemptOutcome::Unsettled)));
    let cut = named(3, ended(3, AttemptOutcome::Cut));
    let free = named(4, Entry { cost: Some(Nanodollars::ZERO), ..ended(4, AttemptOutcome::Unsettled) });
    let unpriced = named(5, Entry { cost: None, ..ended(5, AttemptOutcome::ClientGone) });
    store
        .append(&[made.clone(), unsettled.clone(), cut.clone(), free.clone(), unpriced.clone(), entry(9)], &[])
        .unwrap();
    let expected = [
        call(5, &unpriced, true),
        call(4, &free, false),
        call(3, &cut, true),
        call(2, &unsettled, false),
        call(1, &made, true),
    ];
    assert_eq!(store.named_calls(ALWAYS, u32::MAX).unwrap(), expected, "the one that ended last is the first");
    assert_eq!(store.named_calls(ALWAYS, 2).unwrap(), expected[..2]);
    assert_eq!(store.named_calls(call(4, &free, false).ended_at, 10).unwrap(), expected[..2]);
    store.append(&[made], &[]).unwrap();
    assert_eq!(store.named_calls(ALWAYS, u32::MAX).unwrap(), expected, "a batch may be repeated");
}

pub fn of_what_nothing_came_no_name_is_kept(store: &dyn Store) {
    let nothing = |outcome| named(1, Entry { cost: Some(Nanodollars::ZERO), ..ended(1, outcome) });
    store.append(&[nothing(AttemptOutcome::NotSent)], &[]).unwrap();
    let mut refused = nothing(AttemptOutcome::UpstreamError);
    refused.subject.attempt.number = 2;
    store.append(&[refused], &[]).unwrap();
    assert_eq!(store.named_calls(ALWAYS, u32::MAX).unwrap(), []);
}

pub fn the_later_call_of_a_name_counts(store: &dyn Store) {
    let (early, late) = (named(1, entry(1)), named(1, entry(100)));
    store.append(&[late.clone(), early], &[]).unwrap();
    assert_eq!(store.named_calls(ALWAYS, u32::MAX).unwrap(), [call(1, &late, true)]);
    let mut again = named(1, Entry { outcome: AttemptOutcome::Unsettled, ..attempt(100, 2) });
    again.subject.at = again.subject.at.plus(Duration::from_secs(5));
    store.append(std::slice::from_ref(&again), &[]).unwrap();
    assert_eq!(store.named_calls(ALWAYS, u32::MAX).unwrap(), [call(1, &again, false)]);
    assert_eq!(store.named_calls(ALWAYS, 1).unwrap()[0].request, request(100));
}

pub fn old_names_are_forgotten(store: &dyn Store) {
    let (old, new) = (named(1, entry(1)), named(2, entry(2)));
    store.append(&[old, new.clone()], &[]).unwrap();
    store.forget_named_calls(call(2, &new, true).ended_at).unwrap();
    assert_eq!(store.named_calls(ALWAYS, u32::MAX).unwrap(), [call(2, &new, true)]);
    store.forget_named_calls(START.plus(Duration::from_hours(1))).unwrap();
    assert_eq!(store.named_calls(ALWAYS, MAX_NAMED_CALLS).unwrap(), []);
}
