//! The ledger's rows and totals.

use keyward_domain::ledger::{AttemptOutcome, Entry, UsageQuery};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::{LedgerTotals, Store};
use keyward_domain::time::Timestamp;
use keyward_domain::usage::{Usage, UsageSource};
use keyward_domain::window::Zone;

use crate::support::row::{COST, attempt, ended, entry, odd, refusal, request};

pub fn rows_come_back_as_they_were(store: &dyn Store) {
    store.append(&[entry(1), odd(2)], &[refusal(3)]).unwrap();
    assert_eq!(store.request(request(1)).unwrap().unwrap().attempts, [entry(1)]);
    assert_eq!(store.request(request(2)).unwrap().unwrap().attempts, [odd(2)]);
    let refused = store.request(request(3)).unwrap().unwrap();
    assert_eq!((refused.attempts, refused.refusal), (vec![], Some(refusal(3))));
    assert_eq!(store.request(request(4)).unwrap(), None);

    let mut long = entry(5);
    long.raw_usage = Some("x".repeat(keyward_domain::ledger::MAX_RAW_USAGE + 1).into());
    store.append(&[long], &[]).unwrap();
    assert_eq!(store.request(request(5)).unwrap().unwrap().attempts[0].raw_usage, None);
}

fn everything() -> UsageQuery {
    let until = Timestamp::from_unix_millis(4_000_000_000_000);
    UsageQuery { since: Timestamp::EPOCH, until, group_by: vec![], zone: Zone::default() }
}

pub fn a_batch_may_be_repeated(store: &dyn Store) {
    let batch: Vec<Entry> = (0..50).map(entry).collect();
    store.append(&batch, &[refusal(100)]).unwrap();
    let (usage, totals) = (store.usage(&everything()).unwrap(), store.ledger_totals().unwrap());
    store.append(&batch, &[refusal(100)]).unwrap();
    // Partly known, with one row twice in one batch.
    store.append(&[entry(49), entry(50), entry(50)], &[]).unwrap();
    assert_eq!(totals, LedgerTotals { entries: 50, cost: Nanodollars(50 * COST.0), unpriced: 0, unsettled: 0 });
    assert_eq!((usage[0].attempts, usage[0].cost), (50, Nanodollars(50 * COST.0)));
    let again = store.usage(&everything()).unwrap();
    assert_eq!((again[0].attempts, again[0].cost), (51, Nanodollars(51 * COST.0)));
    assert_eq!(store.ledger_totals().unwrap().entries, 51);
}

pub fn the_first_row_of_an_attempt_stays(store: &dyn Store) {
    store.append(&[entry(1)], &[]).unwrap();
    store.append(&[Entry { cost: Some(Nanodollars(9)), ..ended(1, AttemptOutcome::Unsettled) }], &[]).unwrap();
    assert_eq!(store.request(request(1)).unwrap().unwrap().attempts, [entry(1)]);
    assert_eq!(store.ledger_totals().unwrap().cost, COST);
}

pub fn m11_one_row_for_each_attempt(store: &dyn Store) {
    let failed = Entry { outcome: AttemptOutcome::UpstreamError, status: 500, ..attempt(1, 1) };
    store.append(&[attempt(1, 2)], &[]).unwrap();
    store.append(std::slice::from_ref(&failed), &[]).unwrap();
    assert_eq!(store.request(request(1)).unwrap().unwrap().attempts, [failed, attempt(1, 2)]);
    let sum = &store.usage(&everything()).unwrap()[0];
    assert_eq!((sum.attempts, sum.failures, sum.cost), (2, 1, Nanodollars(2 * COST.0)));
}

pub fn totals_tell_what_is_unknown(store: &dyn Store) {
    assert_eq!(store.ledger_totals().unwrap(), LedgerTotals::default());
    let unsettled = Entry { source: UsageSource::Estimated, ..ended(2, AttemptOutcome::Unsettled) };
    store.append(&[entry(1), unsettled, Entry { cost: None, ..entry(3) }], &[refusal(4)]).unwrap();
    let expected = LedgerTotals { entries: 3, cost: Nanodollars(2 * COST.0), unpriced: 1, unsettled: 1 };
    assert_eq!(store.ledger_totals().unwrap(), expected);
    let sum = &store.usage(&everything()).unwrap()[0];
    assert_eq!((sum.attempts, sum.failures, sum.unpriced, sum.estimated), (3, 1, 1, 1));
}

pub fn sums_stop_at_the_largest_number(store: &dyn Store) {
    let huge = |n| Entry {
        usage: Usage { output: u64::MAX, ..Usage::default() },
        cost: Some(Nanodollars(i64::MAX)),
        ..entry(n)
    };
    store.append(&[huge(1), huge(2)], &[]).unwrap();
    store.append(&[huge(3)], &[]).unwrap();
    let sum = &store.usage(&everything()).unwrap()[0];
    assert_eq!((sum.usage.output, sum.cost), (u64::MAX, Nanodollars(i64::MAX)));
    assert_eq!(store.ledger_totals().unwrap().cost, Nanodollars(i64::MAX));
}
