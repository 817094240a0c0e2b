//! The request log and the sums.

use std::time::Duration;

use keyward_domain::dialect::{Dialect, Operation};
use keyward_domain::ids::{CredentialId, TenantId};
use keyward_domain::ledger::{
    AttemptOutcome, Dimension, Entry, EntryFilter, MAX_ENTRIES, RequestFilter, RequestRow, UsageQuery,
};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::{CredentialSpend, Store};
use keyward_domain::time::Timestamp;
use keyward_domain::token::TokenId;
use keyward_domain::window::Zone;

use crate::support::START;
use crate::support::row::{COST, attempt, ended, entry, refusal, request};

fn numbers(rows: &[RequestRow]) -> Vec<u32> {
    let number = |row: &RequestRow| (0..200).find(|n| request(*n) == row.request).unwrap();
    rows.iter().map(number).collect()
}

fn newest(limit: u32) -> RequestFilter {
    RequestFilter { limit, ..RequestFilter::default() }
}

pub fn the_log_is_newest_first_in_pages(store: &dyn Store) {
    // Appended in no order: requests end when they end.
    store.append(&[entry(5), entry(1), attempt(3, 2)], &[refusal(4)]).unwrap();
    store.append(&[entry(2), attempt(3, 1)], &[refusal(6)]).unwrap();
    let first = store.requests(&newest(4)).unwrap();
    assert_eq!(numbers(&first), [6, 5, 4, 3]);
    assert_eq!(first[3].attempts, [attempt(3, 1), attempt(3, 2)]);
    assert_eq!(first[0].refusal, Some(refusal(6)));
    let second = store.requests(&RequestFilter { before: Some(request(3)), ..newest(4) }).unwrap();
    assert_eq!(numbers(&second), [2, 1]);
    assert_eq!(store.requests(&RequestFilter { before: Some(request(1)), ..newest(4) }).unwrap(), []);
}

pub fn the_log_can_be_filtered(store: &dyn Store) {
    let other_key = TokenId::from_bits(42);
    let mut of_other = entry(3);
    of_other.subject.virtual_key = other_key;
    let mut refused_other = refusal(7);
    refused_other.virtual_key = other_key;
    let other_tenant = TenantId::from_bits(43);
    refused_other.tenant = other_tenant;
    of_other.subject.tenant = other_tenant;
    let rows = [
        entry(1),
        ended(2, AttemptOutcome::Cut),
        of_other,
        // Failed over: the request as a whole succeeded.
        Entry { outcome: AttemptOutcome::UpstreamError, ..attempt(4, 1) },
        attempt(4, 2),
        attempt(5, 1),
        Entry { outcome: AttemptOutcome::ClientGone, ..attempt(5, 2) },
    ];
    store.append(&rows, &[refusal(6), refused_other]).unwrap();

    let failed = store.requests(&RequestFilter { failed_only: true, ..newest(10) }).unwrap();
    assert_eq!(numbers(&failed), [7, 6, 5, 2]);
    let of_key = RequestFilter { virtual_key: Some(other_key), ..newest(10) };
    assert_eq!(numbers(&store.requests(&of_key).unwrap()), [7, 3]);
    let of_tenant = RequestFilter { tenant: Some(other_tenant), ..newest(10) };
    assert_eq!(numbers(&store.requests(&of_tenant).unwrap()), [7, 3]);
    let of_nobody = RequestFilter { tenant: Some(TenantId::from_bits(44)), ..newest(10) };
    assert_eq!(store.requests(&of_nobody).unwrap(), []);
    let both = RequestFilter { failed_only: true, ..of_key };
    assert_eq!(numbers(&store.requests(&both).unwrap()), [7]);
    let since = RequestFilter { since: Some(START.plus(Duration::from_secs(5))), ..newest(10) };
    assert_eq!(numbers(&store.requests(&since).unwrap()), [7, 6, 5]);
    let between = RequestFilter { before: Some(request(6)), ..since };
    assert_eq!(numbers(&store.requests(&between).unwrap()), [5]);
    let nothing = RequestFilter { since: Some(START.plus(Duration::from_mins(1))), ..between };
    assert_eq!(store.requests(&nothing).unwrap(), []);
}

pub fn a_page_has_a_limit(store: &dyn Store) {
    let rows: Vec<Entry> = (0..1100).map(entry).collect();
    store.append(&rows, &[]).unwrap();
    assert_eq!(store.requests(&newest(0)).unwrap(), []);
    assert_eq!(store.requests(&newest(u32::MAX)).unwrap().len(), 1000);
}

fn of_the_day(group_by: Vec<Dimension>) -> UsageQuery {
    UsageQuery { since: START, until: START.plus(Duration::from_hours(24)), group_by, zone: Zone::default() }
}

pub fn usage_is_summed_by_any_dimension(store: &dyn Store) {
    let mut other = entry(3700);
    other.subject.provider_name = "anthropic".into();
    other.subject.model = "claude".into();
    other.subject.credential = CredentialId::from_bits(99);
    other.subject.virtual_key = TokenId::from_bits(1);
    other.subject.dialect = Dialect::Anthropic;
    other.subject.operation = Operation::Messages;
    other.cost = Some(Nanodollars(1));
    store.append(&[entry(1), entry(2), other.clone()], &[]).unwrap();

    let groups = |dimension| -> Vec<(String, u64, i64)> {
        let rows = store.usage(&of_the_day(vec![dimension])).unwrap();
        rows.into_iter().map(|row| (row.group[0].clone(), row.attempts, row.cost.0)).collect()
    };
    let pair = |one: &dyn ToString, two: &dyn ToString| [(one.to_string(), 1, 1), (two.to_string(), 2, 2 * COST.0)];
    assert_eq!(groups(Dimension::Provider), pair(&"anthropic", &"openai"));
    assert_eq!(groups(Dimension::Model), pair(&"claude", &"gpt-4o-mini"));
    assert_eq!(groups(Dimension::Dialect), pair(&"anthropic", &"openai"));
    assert_eq!(groups(Dimension::VirtualKey), pair(&TokenId::from_bits(1), &TokenId::from_bits(u64::MAX - 1)));
    let mut operations = groups(Dimension::Operation);
    operations.reverse();
    assert_eq!(operations, pair(&"messages", &"chat"));
    let mut credentials = groups(Dimension::Credential);
    credentials.reverse();
    assert_eq!(credentials, pair(&other.subject.credential, &entry(1).subject.credential));
    let hour = START.unix_millis();
    let mut hours = groups(Dimension::Hour);
    hours.reverse();
    assert_eq!(hours, pair(&(hour + 3_600_000), &hour));
    assert_eq!(groups(Dimension::Day), [((hour - 10 * 3_600_000).to_string(), 3, 1 + 2 * COST.0)]);

    let by_two = store.usage(&of_the_day(vec![Dimension::Day, Dimension::Provider])).unwrap();
    assert_eq!(by_two.iter().map(|row| row.group[1].as_str()).collect::<Vec<_>>(), ["anthropic", "openai"]);
    assert_eq!(by_two[1].usage.input_uncached, 200);
    assert_eq!(by_two[1].usage.reasoning, 8);
}

pub fn usage_without_groups_is_one_line(store: &dyn Store) {
    let nothing = store.usage(&of_the_day(vec![])).unwrap();
    assert_eq!((nothing.len(), nothing[0].attempts, nothing[0].cost), (1, 0, Nanodollars::ZERO));
    assert_eq!(store.usage(&of_the_day(vec![Dimension::Model])).unwrap(), []);
    store.append(&[entry(1), entry(2)], &[refusal(3)]).unwrap();
    let all = store.usage(&of_the_day(vec![])).unwrap();
    assert_eq!((all.len(), all[0].attempts, all[0].group.len()), (1, 2, 0));
}

pub fn usage_is_limited_to_whole_quarters(store: &dyn Store) {
    // One row in each of three quarters of an hour.
    store.append(&[entry(0), entry(900), entry(1800)], &[]).unwrap();
    for group_by in [vec![], vec![Dimension::EndUser]] {
        let attempts = |since: u64, until: u64| {
            let at = |seconds| START.plus(Duration::from_secs(seconds));
            let query = UsageQuery { group_by: group_by.clone(), ..between(at(since), at(until)) };
            store.usage(&query).unwrap().first().map_or(0, |row| row.attempts)
        };
        assert_eq!(attempts(0, 1800), 2);
        assert_eq!(attempts(0, 1801), 3);
        assert_eq!(attempts(899, 900), 1);
        assert_eq!(attempts(900, 901), 1);
        assert_eq!(attempts(900, 900), 0);
        assert_eq!(attempts(1800, 0), 0);
    }
}

pub fn rows_come_in_pages_by_when_their_attempts_began(store: &dyn Store) {
    let rows = [attempt(1, 1), attempt(1, 2), attempt(1, 200), entry(2), entry(3), entry(90_000)];
    store.append(&[rows[4].clone(), rows[1].clone()], &[refusal(7)]).unwrap();
    store.append(&rows, &[]).unwrap();
    let all = EntryFilter { since: START, until: START.plus(Duration::from_hours(30)), after: None, limit: 2 };
    let mut read = Vec::new();
    let mut filter = all;
    loop {
        let page = store.entries(&filter).unwrap();
        filter.after = page.last().map(|last| last.subject.attempt);
        read.extend(page.iter().cloned());
        if page.len() < 2 {
            break;
        }
    }
    assert_eq!(read, rows);
    // By the beginning of the attempt, not by the request's id: a call may wait for hours.
    let mut late = entry(4);
    late.subject.at = START.plus(Duration::from_hours(40));
    store.append(std::slice::from_ref(&late), &[]).unwrap();
    let since = EntryFilter { since: late.subject.at, until: late.subject.at.plus(Duration::from_millis(1)), ..all };
    assert_eq!(store.entries(&since).unwrap(), [late.clone()]);
    assert_eq!(store.entries(&EntryFilter { until: late.subject.at, ..since }).unwrap(), []);
    let forever =
        EntryFilter { since: Timestamp::EPOCH, until: Timestamp::from_unix_millis(i64::MAX), limit: u32::MAX, ..all };
    assert_eq!(store.entries(&forever).unwrap().len(), 7);
    let many: Vec<Entry> = (1000..3100).map(entry).collect();
    store.append(&many, &[]).unwrap();
    assert_eq!(store.entries(&forever).unwrap().len(), usize::try_from(MAX_ENTRIES).unwrap());
    assert_eq!(store.entries(&EntryFilter { limit: 0, ..forever }).unwrap(), []);
}

fn between(since: Timestamp, until: Timestamp) -> UsageQuery {
    UsageQuery { since, until, group_by: vec![], zone: Zone::default() }
}

pub fn days_begin_at_midnight_utc(store: &dyn Store) {
    // The tests begin at ten o'clock: 14 hours later the next day begins.
    store.append(&[entry(14 * 3600 - 1), entry(14 * 3600)], &[]).unwrap();
    let rows = store.usage(&of_the_day(vec![Dimension::Day])).unwrap();
    let midnight = START.unix_millis() + 14 * 3_600_000;
    let days: Vec<_> = rows.iter().map(|row| row.group[0].parse::<i64>().unwrap()).collect();
    assert_eq!(days, [midnight - 24 * 3_600_000, midnight]);
}

pub fn what_keys_were_charged_since_midnight(store: &dyn Store) {
    let midnight = START.plus(Duration::from_hours(14));
    assert_eq!(store.credential_spend(midnight).unwrap(), []);
    let by_another = |n| {
        let mut other = entry(n);
        other.subject.credential = CredentialId::from_bits(99);
        other.subject.model = "claude".into();
        other
    };
    let unpriced = Entry { cost: None, ..by_another(14 * 3600 + 2) };
    // The first two lie before midnight, on the very second and just before it.
    let rows = [entry(1), by_another(14 * 3600 - 1), entry(14 * 3600), by_another(14 * 3600 + 1), unpriced];
    store.append(&rows, &[refusal(14 * 3600 + 9)]).unwrap();
    let later = [entry(14 * 3600 + 3), entry(20 * 3600)];
    store.append(&later, &[]).unwrap();

    let mut spend = store.credential_spend(midnight).unwrap();
    spend.sort_by_key(|spend| spend.credential);
    let of = |credential, cost, requests| CredentialSpend { credential, cost: Nanodollars(cost), requests };
    let (first, other) = (entry(1).subject.credential, CredentialId::from_bits(99));
    assert_eq!(spend, [of(first, 3 * COST.0, 3), of(other, COST.0, 2)]);
    let all: u64 = store.credential_spend(START).unwrap().iter().map(|spend| spend.requests).sum();
    assert_eq!(all, 7);
}
