//! M10: a window is a function of the moment, the period and the zone. In every zone there is, no moment belongs to two
//! windows or to none, and the boundary is local midnight.

use std::time::Duration;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Timestamp as Instant, ToSpan as _, Zoned};
use keyward_domain::time::Timestamp;
use keyward_domain::window::{MAX_DAYS, Period, WeekStart, Window, WindowError, Windows, Zone, quarter_of};
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

/// 2025-06-01 and 2027-06-01, UTC: two years, and every change of the clocks in them.
const FROM: Timestamp = Timestamp::from_unix_millis(1_748_736_000_000);
const UNTIL: Timestamp = Timestamp::from_unix_millis(1_811_808_000_000);
const MS: Duration = Duration::from_millis(1);

fn zones() -> Vec<(String, TimeZone)> {
    let zones: Vec<_> = jiff::tz::db()
        .available()
        .map(|name| name.as_str().to_owned())
        .filter_map(|name| Some((name.clone(), TimeZone::get(&name).ok().filter(|zone| zone.iana_name().is_some())?)))
        .collect();
    assert!(zones.len() > 300, "the time zone database is there: {} zones", zones.len());
    zones
}

fn windows(zone: &str, period: Period) -> Windows {
    Windows { period, zone: zone.parse::<Zone>().expect("a zone of the database") }
}

fn instant(at: Timestamp) -> Instant {
    Instant::from_millisecond(at.unix_millis()).expect("a moment of these years")
}

fn local(zone: &TimeZone, at: Timestamp) -> Zoned {
    instant(at).to_zoned(zone.clone())
}

/// Moments that are worth a look in this zone: around every change of its clocks, and some between.
fn moments(zone: &TimeZone) -> Vec<Timestamp> {
    let mut moments = vec![FROM, UNTIL];
    for change in zone.following(instant(FROM)) {
        let at = Timestamp::from_unix_millis(change.timestamp().as_millisecond());
        if at > UNTIL {
            break;
        }
        let hours = (-30..=30).map(|hour: i64| Timestamp::from_unix_millis(at.unix_millis() + hour * 3_600_000));
        moments.extend(hours.flat_map(|hour| [hour.minus(MS), hour, hour.plus(30 * 60_000 * MS)]));
    }
    let pace = Duration::from_hours(24 * 17 + 7);
    moments.extend((0..42).map(|step| FROM.plus(pace * step)));
    moments
}

fn periods() -> Vec<Period> {
    let weeks = [WeekStart::Monday, WeekStart::Sunday, WeekStart::Wednesday].map(|starts| Period::Week { starts });
    let months = [1, 15, 28].map(|starts| Period::Month { starts });
    let anchored = Period::Anchored { seconds: 5 * 86_400, from: FROM.plus(Duration::from_mins(45)) };
    [Period::Hour, Period::Day, anchored].into_iter().chain(weeks).chain(months).collect()
}

/// A window, seen from all its edges: it holds the moment, everything in it says the same, and its neighbours touch it.
fn tiles(windows: &Windows, at: Timestamp) -> Window {
    let window = windows.at(at);
    assert!(window.contains(at), "{windows:?} at {at:?}: {window:?}");
    for inside in [window.from, window.until.minus(MS)] {
        assert_eq!(windows.at(inside), window, "{windows:?}: the same seen from {inside:?}");
    }
    assert_eq!(windows.at(window.until).from, window.until, "{windows:?}: nothing between it and the next");
    assert_eq!(windows.at(window.from.minus(MS)).until, window.from, "{windows:?}: nothing between it and the last");
    assert_eq!(quarter_of(window.from), window.from, "{windows:?} begins on a quarter of an hour");
    window
}

#[test]
fn m10_in_every_zone_no_moment_belongs_to_two_windows_or_to_none() {
    for (name, zone) in zones() {
        let moments = moments(&zone);
        for period in periods() {
            let windows = windows(&name, period);
            let mut seen: Option<Window> = None;
            for at in &moments {
                // What was looked at from all sides need not be again.
                match seen {
                    Some(window) if window.contains(*at) => {
                        assert_eq!(windows.at(*at), window, "{windows:?} at {at:?}");
                    }
                    _ => seen = Some(tiles(&windows, *at)),
                }
            }
        }
    }
}

#[test]
fn m10_in_every_zone_the_boundary_is_local_midnight() {
    for (name, zone) in zones() {
        let day = windows(&name, Period::Day);
        for at in moments(&zone) {
            let window = day.at(at);
            let (first, before) = (local(&zone, window.from), local(&zone, window.from.minus(MS)));
            // Where the clocks skip midnight, the first moment after it: what is before belongs to another date.
            assert_ne!(first.date(), before.date(), "{name}: {first}");
            assert_eq!(local(&zone, at).date(), first.date(), "{name}: {at:?}");
            let skipped = zone.to_ambiguous_zoned(first.date().at(0, 0, 0, 0)).is_ambiguous();
            let is_midnight = first.time() == jiff::civil::Time::midnight();
            assert!(is_midnight || skipped, "{name}: {first}");
        }
    }
}

#[test]
fn m10_weeks_begin_on_their_day_and_months_on_theirs() {
    let weekdays = [
        (WeekStart::Monday, Weekday::Monday),
        (WeekStart::Tuesday, Weekday::Tuesday),
        (WeekStart::Wednesday, Weekday::Wednesday),
        (WeekStart::Thursday, Weekday::Thursday),
        (WeekStart::Friday, Weekday::Friday),
        (WeekStart::Saturday, Weekday::Saturday),
        (WeekStart::Sunday, Weekday::Sunday),
    ];
    for name in ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Cairo"] {
        let zone = TimeZone::get(name).unwrap();
        for at in moments(&zone) {
            for (starts, weekday) in weekdays {
                let window = windows(name, Period::Week { starts }).at(at);
                let (first, next) = (local(&zone, window.from), local(&zone, window.until));
                assert_eq!(first.weekday(), weekday, "{name}: {first}");
                assert_eq!(first.date().saturating_add(7.days()), next.date(), "{name}: {first}");
            }
            for starts in [1, 2, 15, 27, 28] {
                let window = windows(name, Period::Month { starts: u8::try_from(starts).unwrap() }).at(at);
                let (first, next) = (local(&zone, window.from), local(&zone, window.until));
                assert_eq!((first.day(), next.day()), (starts, starts), "{name}: {first}");
                assert_eq!(first.date().saturating_add(1.month()), next.date(), "{name}: {first}");
            }
        }
    }
}

/// Year, month, day, hour and minute in UTC.
fn utc(year: i16, month: i8, day: i8, hour: i8, minute: i8) -> Timestamp {
    let zoned = jiff::civil::date(year, month, day).at(hour, minute, 0, 0).to_zoned(TimeZone::UTC).expect("a date");
    Timestamp::from_unix_millis(zoned.timestamp().as_millisecond())
}

#[test]
fn m10_days_that_are_longer_shorter_or_begin_late() {
    let day = |zone: &str, at| windows(zone, Period::Day).at(at);
    let minutes = |window: Window| window.length().as_secs() / 60;
    let spring = day("Europe/Berlin", utc(2026, 3, 29, 12, 0));
    assert_eq!((spring.from, minutes(spring)), (utc(2026, 3, 28, 23, 0), 23 * 60));
    let autumn = day("Europe/Berlin", utc(2026, 10, 25, 12, 0));
    assert_eq!((autumn.from, minutes(autumn)), (utc(2026, 10, 24, 22, 0), 25 * 60));
    let late = day("Africa/Cairo", utc(2026, 4, 24, 12, 0));
    assert_eq!((late.from, minutes(late)), (utc(2026, 4, 23, 22, 0), 23 * 60), "Cairo skips midnight");
    let half = day("Asia/Kolkata", utc(2026, 6, 1, 12, 0));
    assert_eq!(half.from, utc(2026, 5, 31, 18, 30));
    let quarter = day("Asia/Kathmandu", utc(2026, 6, 1, 12, 0));
    assert_eq!(quarter.from, utc(2026, 5, 31, 18, 15));
    let small = day("Australia/Lord_Howe", utc(2026, 4, 4, 16, 0));
    assert_eq!(minutes(small), 24 * 60 + 30, "Lord Howe's clocks change by half an hour");

    let hour = |zone: &str, at| windows(zone, Period::Hour).at(at);
    let window = hour("Asia/Kolkata", utc(2026, 6, 1, 12, 40));
    assert_eq!((window.from, window.until), (utc(2026, 6, 1, 12, 30), utc(2026, 6, 1, 13, 30)));
    // Two o'clock comes twice; both are hours of their own.
    let (first, second) =
        (hour("Europe/Berlin", utc(2026, 10, 25, 0, 30)), hour("Europe/Berlin", utc(2026, 10, 25, 1, 30)));
    assert_eq!((first.until, minutes(first), minutes(second)), (second.from, 60, 60));
}

proptest! {
    #[test]
    fn m10_at_random_moments_windows_hold_what_is_theirs(zone in any::<u16>(), offset in 0..1_u64 << 36) {
        let zones = zones();
        let (name, _) = &zones[usize::from(zone) % zones.len()];
        let at = FROM.plus(Duration::from_millis(offset % 63_072_000_000));
        for period in periods() {
            tiles(&windows(name, period), at);
        }
    }

    #[test]
    fn m10_a_rolling_window_is_the_stretch_that_ends_with_the_quarter(offset in 0..1_u64 << 36, quarters in 1..10_000_u64) {
        let at = FROM.plus(Duration::from_millis(offset));
        let seconds = quarters * 900;
        let window = Windows::utc(Period::Rolling { seconds }).at(at);
        prop_assert!(window.contains(at));
        prop_assert!(window.until.since(at) <= Duration::from_mins(15));
        prop_assert!(window.from <= at.minus(Duration::from_secs(seconds)), "never shorter than it says");
        prop_assert_eq!(quarter_of(window.from), window.from);
        prop_assert_eq!(window.length(), Duration::from_secs(seconds + 900));
    }
}

#[test]
fn windows_that_cannot_be_are_told_why() {
    let day = 86_400;
    let anchored = |seconds, from| Period::Anchored { seconds, from };
    for good in [
        Period::Hour,
        Period::Day,
        Period::Week { starts: WeekStart::Sunday },
        Period::Month { starts: 1 },
        Period::Month { starts: 28 },
        Period::Rolling { seconds: 900 },
        Period::Rolling { seconds: MAX_DAYS * day },
        anchored(5 * day, FROM),
    ] {
        let windows = Windows::utc(good);
        assert_eq!(windows.check(), Ok(()), "{good:?}");
        assert_eq!(windows.are_rolling(), matches!(good, Period::Rolling { .. }), "{good:?}");
    }
    for (bad, why) in [
        (Period::Month { starts: 0 }, WindowError::DayOfMonth),
        (Period::Month { starts: 29 }, WindowError::DayOfMonth),
        (Period::Rolling { seconds: 0 }, WindowError::Length),
        (Period::Rolling { seconds: 901 }, WindowError::Length),
        (Period::Rolling { seconds: MAX_DAYS * day + 900 }, WindowError::Length),
        (anchored(0, FROM), WindowError::Length),
        (anchored(5 * day, FROM.plus(MS)), WindowError::Anchor),
    ] {
        assert_eq!(Windows::utc(bad).check(), Err(why), "{bad:?}");
    }
}

#[test]
fn days_of_the_week_are_read_back_from_their_words() {
    for day in WeekStart::ALL {
        assert_eq!(WeekStart::parse(day.as_str()), Some(day));
    }
    assert_eq!(WeekStart::parse("mon"), None);
}

#[test]
fn a_zone_writes_moments_as_its_clocks_show_them() {
    let [utc, tokyo, new_york] = ["utc", "Asia/Tokyo", "America/New_York"].map(|name| name.parse::<Zone>().unwrap());
    assert_eq!(utc.written(FROM), "2025-06-01T00:00:00Z");
    assert_eq!(tokyo.written(FROM), "2025-06-01T09:00:00+09:00");
    assert_eq!(new_york.written(FROM), "2025-05-31T20:00:00-04:00");
    assert_eq!(tokyo.midnight(jiff::civil::date(2025, 6, 1)), FROM.minus(Duration::from_hours(9)));
    for zone in [&utc, &tokyo] {
        assert_eq!((zone.to_string(), format!("{zone:?}")), (zone.name().to_owned(), zone.name().to_owned()));
    }
    assert_eq!((utc.name(), tokyo.name()), ("UTC", "Asia/Tokyo"));
    assert_eq!("Mars/Base".parse::<Zone>(), Err(WindowError::Zone("Mars/Base".to_owned())));

    // Moments that no calendar has are the first or the last that it has.
    assert!(utc.written(Timestamp::from_unix_millis(i64::MIN)).starts_with("-009999"));
    assert!(utc.written(Timestamp::from_unix_millis(i64::MAX)).starts_with("9999-12-30"));
}
