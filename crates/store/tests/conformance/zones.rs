//! Reports by hours, days, weeks and months of any zone, and by whom calls are attributed to.

use std::sync::Arc;
use std::time::Duration;

use keyward_domain::ids::{TeamId, TenantId, UserId};
use keyward_domain::ledger::{AttemptOutcome, Attributed, Dimension, Entry, UsageQuery, UsageRow};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::Store;
use keyward_domain::time::Timestamp;
use keyward_domain::window::{Period, WeekStart, Windows, Zone};

use super::spend::attributed;
use crate::support::row::entry;
use crate::support::{Random, START};

/// Whole, half and quarter hours away from UTC; days of 23, 23.5, 24.5 and 25 hours within the range below, and one
/// whose clocks skip midnight.
const ZONES: [&str; 12] = [
    "UTC",
    "Asia/Seoul",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "Pacific/Chatham",
    "Pacific/Apia",
    "Europe/Berlin",
    "America/New_York",
    "Africa/Cairo",
    "Asia/Beirut",
];

/// 2026-03-01T00:00:00Z: clocks go forward in the north and back in the south soon after.
const MARCH: Timestamp = Timestamp::from_unix_millis(1_772_323_200_000);
const DAYS: u64 = 70;

fn zone(name: &str) -> Zone {
    name.parse().unwrap()
}

fn windows(period: Period, name: &str) -> Windows {
    Windows { period, zone: zone(name) }
}

/// Rows at any second of the range, and some on the very beginning and just before the end of local days.
fn rows(random: &mut Random) -> Vec<Entry> {
    let mut moments: Vec<Timestamp> =
        (0..300).map(|_| MARCH.plus(Duration::from_secs(random.below(DAYS * 86_400)))).collect();
    for name in ZONES {
        let day = windows(Period::Day, name).at(MARCH.plus(Duration::from_secs(random.below(DAYS * 86_400))));
        moments.extend([day.from, day.until.minus(Duration::from_millis(1)), day.until]);
    }
    moments.into_iter().zip(0..).map(|(at, n)| row(at, n, random)).collect()
}

fn row(at: Timestamp, n: u32, random: &mut Random) -> Entry {
    let mut row = entry(n);
    row.subject.at = at;
    let mut bits = [0; 10];
    bits[..4].copy_from_slice(&n.to_be_bytes());
    row.subject.attempt.request = keyward_domain::ids::RequestId::from_parts(at, bits);
    row.cost = (random.below(10) > 0).then(|| Nanodollars(i64::try_from(random.below(1 << 40)).unwrap()));
    row.outcome = AttemptOutcome::ALL[usize::try_from(random.below(6)).unwrap()];
    row.usage.output = random.below(100_000);
    row.subject.attributed = (random.below(2) == 0).then(|| {
        let end_user = (random.below(2) == 0).then(|| Arc::from(format!("customer {}", random.below(3))));
        Arc::new(Attributed {
            team: Some(TeamId::from_bits(random.below(3).into())),
            end_user,
            ..Attributed::default()
        })
    });
    row
}

pub fn m10_daily_reports_sum_to_the_range_in_any_zone(store: &dyn Store) {
    let mut random = Random::seeded(26);
    store.append(&rows(&mut random), &[]).unwrap();
    for name in ZONES {
        let days = windows(Period::Day, name);
        let (first, end) = (
            days.at(MARCH.minus(Duration::from_hours(24))).from,
            days.at(MARCH.plus(Duration::from_hours(24 * (DAYS + 1)))).until,
        );
        for by in [vec![], vec![Dimension::Team], vec![Dimension::EndUser, Dimension::Model]] {
            let ask =
                |since, until, group_by| store.usage(&UsageQuery { since, until, group_by, zone: zone(name) }).unwrap();
            let whole = ask(first, end, by.clone());
            assert_eq!(whole.iter().map(|row| row.attempts).sum::<u64>(), 336, "{name}: every row is in the range");
            let mut daily = Vec::new();
            let mut since = first;
            while since < end {
                let day = days.at(since);
                assert_eq!(day.from, since, "{name}: one day follows the other");
                daily.extend(ask(day.from, day.until, by.clone()));
                since = day.until;
            }
            assert_eq!(summed(daily, 0), summed(whole.clone(), 0), "{name}, {by:?}");
            for period in [Dimension::Hour, Dimension::Day, Dimension::Week, Dimension::Month] {
                let parts = ask(first, end, [vec![period], by.clone()].concat());
                assert_eq!(summed(parts, 1), summed(whole.clone(), 0), "{name}, {period:?}, {by:?}");
            }
        }
    }
}

/// The lines with the same groups as one, the first groups left out.
fn summed(lines: Vec<UsageRow>, without: usize) -> Vec<UsageRow> {
    let mut sums: Vec<UsageRow> = Vec::new();
    for mut line in lines {
        line.group.drain(..without);
        match sums.iter_mut().find(|sum| sum.group == line.group) {
            Some(sum) => {
                sum.attempts += line.attempts;
                sum.failures += line.failures;
                sum.cost = sum.cost + line.cost;
                sum.unpriced += line.unpriced;
                sum.estimated += line.estimated;
                sum.usage.input_uncached += line.usage.input_uncached;
                sum.usage.cache_read += line.usage.cache_read;
                sum.usage.output += line.usage.output;
                sum.usage.reasoning += line.usage.reasoning;
            }
            None => sums.push(line),
        }
    }
    sums.retain(|sum| sum.attempts > 0);
    sums.sort_by(|one, other| one.group.cmp(&other.group));
    sums
}

pub fn weeks_and_months_begin_at_the_midnight_of_the_zone(store: &dyn Store) {
    // Tests begin on Friday, 2026-11-20, 10:00 UTC: 19:00 in Seoul. December begins there ten days and five hours later.
    let december = 10 * 86_400 + 5 * 3_600;
    store.append(&[entry(0), entry(december - 1), entry(december)], &[]).unwrap();
    let lines = |dimension| -> Vec<(i64, u64)> {
        let query = UsageQuery {
            since: START,
            until: START.plus(Duration::from_hours(24 * 30)),
            group_by: vec![dimension],
            zone: zone("Asia/Seoul"),
        };
        let lines = store.usage(&query).unwrap();
        lines.iter().map(|row| (row.group[0].parse().unwrap(), row.attempts)).collect()
    };
    let begin = |period| windows(period, "Asia/Seoul").at(START).from.unix_millis();
    let first = START.plus(Duration::from_secs(december.into())).unix_millis();
    assert_eq!(lines(Dimension::Month), [(begin(Period::Month { starts: 1 }), 2), (first, 1)]);
    let monday = begin(Period::Week { starts: WeekStart::Monday });
    let last_monday = monday + 14 * 86_400_000;
    assert_eq!(lines(Dimension::Week), [(monday, 1), (last_monday, 2)]);
    assert_eq!(lines(Dimension::Day).len(), 3);
    let hour = lines(Dimension::Hour)[0].0;
    assert_eq!(hour, START.unix_millis());
}

pub fn who_is_nobody_has_a_line_without_a_name(store: &dyn Store) {
    store.append(&[attributed(1), entry(2)], &[]).unwrap();
    let lines = |by: Vec<Dimension>| -> Vec<(String, u64)> {
        let until = START.plus(Duration::from_hours(1));
        let query = UsageQuery { since: START, until, group_by: by, zone: Zone::default() };
        store.usage(&query).unwrap().into_iter().map(|row| (row.group.join("|"), row.attempts)).collect()
    };
    let of = |name: &str| [(String::new(), 1), (name.to_owned(), 1)];
    assert_eq!(lines(vec![Dimension::Team]), of(&TeamId::from_bits(31).to_string()));
    assert_eq!(lines(vec![Dimension::User]), of(&UserId::from_bits(32).to_string()));
    assert_eq!(lines(vec![Dimension::EndUser]), of("customer/7"));
    assert_eq!(lines(vec![Dimension::Tenant]), [(TenantId::DEFAULT.to_string(), 2)]);
    let both = format!("{}|customer/7", TeamId::from_bits(31));
    assert_eq!(lines(vec![Dimension::Team, Dimension::EndUser]), [("|".to_owned(), 1), (both, 1)]);
}

pub fn a_row_with_several_tags_counts_in_each_and_once_in_all(store: &dyn Store) {
    let mut one = entry(2);
    one.subject.attributed = Some(Arc::new(Attributed { tags: vec!["batch".into()], ..Attributed::default() }));
    store.append(&[attributed(1), one, entry(3)], &[]).unwrap();
    let lines = |by: Vec<Dimension>| -> Vec<(String, u64)> {
        let until = START.plus(Duration::from_hours(1));
        let query = UsageQuery { since: START, until, group_by: by, zone: Zone::default() };
        store.usage(&query).unwrap().into_iter().map(|row| (row.group.join("|"), row.attempts)).collect()
    };
    let expected = [("", 1), ("batch", 2), ("nightly", 1)].map(|(tag, attempts)| (tag.to_owned(), attempts));
    assert_eq!(lines(vec![Dimension::Tag]), expected);
    let by_model = expected.map(|(tag, attempts)| (format!("gpt-4o-mini|{tag}"), attempts));
    assert_eq!(lines(vec![Dimension::Model, Dimension::Tag]), by_model);
    assert_eq!(lines(vec![]), [(String::new(), 3)]);
}
