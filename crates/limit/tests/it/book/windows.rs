//! What the passing of time does to balances, and what a clock that jumps cannot do.

use std::sync::Arc;
use std::time::Duration;

use keyward_domain::budget::BudgetKind;
use keyward_domain::ledger::Spend;
use keyward_domain::money::Nanodollars;
use keyward_domain::scope::{Reach, Scope, ScopeKind};
use keyward_domain::time::Timestamp;
use keyward_domain::window::Period;
use keyward_limit::book::{Book, Budgets, Filling, Why};
use proptest::prelude::{ProptestConfig, any, proptest};

use super::holds::{hold, open};
use super::world::{CENT, Call, DAY, Ledger, NOON, TENANT, budget, one, windows};

const HOUR: Duration = Duration::from_hours(1);

#[test]
fn m10_a_hundred_thousand_users_roll_over_with_no_write() {
    let each = budget(1, Reach::Each(ScopeKind::EndUser), 10 * CENT);
    let (book, budgets) = (Arc::new(Book::new()), Budgets::new(std::slice::from_ref(&each)));
    let user = |number: u32| Scope::EndUser(TENANT, number.to_string().into());
    let spend = |number| Spend {
        scope: user(number),
        quarter: NOON,
        attempts: 1,
        cost: Nanodollars(10 * CENT),
        unpriced: 0,
        input_tokens: 0,
        output_tokens: 0,
    };
    let rows: Vec<_> = (0..100_000).map(spend).collect();
    for filling in book.unfilled(&budgets, NOON) {
        filling.fill(&rows);
    }
    let midnight = NOON.plus(DAY / 2);
    let last = midnight.minus(Duration::from_millis(1));
    assert!(hold(&book, &budgets, &Call { at: last, ..Call::of("7") }, 1, 1).is_err());

    // Nothing happens at midnight: nobody tells the book, and what was is still there.
    assert!(book.views(&each, midnight).is_empty());
    assert_eq!(book.views(&each, last).len(), 100_000);
    assert!(book.unfilled(&budgets, midnight).is_empty());
    let held = hold(&book, &budgets, &Call { at: midnight, ..Call::of("7") }, 2, 10 * CENT).unwrap();
    let views = book.views(&each, midnight);
    assert_eq!(views.iter().map(|view| &view.scope).collect::<Vec<_>>(), [&user(7)], "only who spends is touched");
    assert_eq!(book.views(&each, last).len(), 100_000);
    held.release();
}

#[test]
fn a82_setting_the_clock_back_a_day_opens_no_closed_window() {
    let all = [one(1, Scope::Global, 10 * CENT)];
    let (book, budgets) = open(&all);
    let spend = |at, number, cents: i64| {
        hold(&book, &budgets, &Call::at(at), number, cents * CENT).unwrap().settle(Some(Nanodollars(cents * CENT)));
        book.projected([&Call::at(at).row(number, Some(cents * CENT))]);
    };
    spend(NOON, 1, 3);
    let tomorrow = NOON.plus(DAY);
    spend(tomorrow, 2, 10);

    let refused = hold(&book, &budgets, &Call::at(NOON), 3, CENT).unwrap_err();
    let Why::Reached(_, reached) = refused.why else { panic!("{refused:?}") };
    assert_eq!((reached.spent.0, reached.resets_at), (10 * CENT, tomorrow.plus(DAY / 2)), "the latest window decides");

    // A call that began before midnight is measured by its own window when it grows, and may.
    let (book, budgets) = open(&all);
    let mut early = hold(&book, &budgets, &Call::at(NOON), 1, CENT).unwrap();
    let full = hold(&book, &budgets, &Call::at(tomorrow), 2, 10 * CENT).unwrap();
    early.grow(Nanodollars(9 * CENT)).unwrap();
    assert!(early.grow(Nanodollars(1)).is_err());
    full.release();
    early.release();
}

#[test]
fn a82_a_year_ahead_and_back_finds_what_was_spent() {
    let all =
        [windows(one(1, Scope::Global, 10 * CENT), Period::Hour), budget(2, Reach::Each(ScopeKind::Tag), 9 * CENT)];
    let (book, budgets) = open(&all);
    let call = Call::at(NOON);
    hold(&book, &budgets, &call, 1, 4 * CENT).unwrap().settle(Some(Nanodollars(4 * CENT)));
    let ahead = NOON.plus(365 * DAY);
    hold(&book, &budgets, &Call::at(ahead), 2, CENT).unwrap().settle(Some(Nanodollars(CENT)));
    assert!(hold(&book, &budgets, &call, 3, 6 * CENT).is_err(), "the tags have 5 cents left at noon");
    let held = hold(&book, &budgets, &call, 3, 5 * CENT).unwrap();
    assert_eq!(book.view(&all[0], &Scope::Global, NOON).left.0, CENT);
    assert_eq!(book.view(&all[0], &Scope::Global, ahead).spent.0, CENT);
    held.release();
}

#[test]
fn a82_windows_that_are_not_remembered_are_refused_until_they_are_read_again() {
    let hourly = windows(one(1, Scope::Global, 10 * CENT), Period::Hour);
    let (book, budgets) = open(std::slice::from_ref(&hourly));
    let mut ledger = Ledger::default();
    for hour in 0..60_u32 {
        let call = Call::at(NOON.plus(HOUR * hour));
        hold(&book, &budgets, &call, u128::from(hour), 9 * CENT).unwrap().settle(Some(Nanodollars(9 * CENT)));
        ledger.rows.push(call.row(u128::from(hour), Some(9 * CENT)));
        book.projected(&ledger.rows[ledger.rows.len() - 1..]);
    }
    let day_ago = NOON.plus(HOUR * 36);
    let refused = hold(&book, &budgets, &Call::at(day_ago), 100, 2 * CENT).unwrap_err();
    assert!(matches!(refused.why, Why::Reached(..)), "a day is remembered: {refused:?}");
    let refused = hold(&book, &budgets, &Call::at(NOON), 100, CENT).unwrap_err();
    assert!(matches!(refused.why, Why::Unread(..)), "nobody knows how much: {refused:?}");
    assert!(book.unfilled(&budgets, NOON.plus(HOUR * 59)).is_empty(), "nothing to read while the clock is right");

    let fillings = book.unfilled(&budgets, NOON);
    assert_eq!(fillings.iter().map(Filling::budget).collect::<Vec<_>>(), [hourly.id]);
    for filling in fillings {
        filling.fill(&ledger.spend(&filling.query()));
    }
    let refused = hold(&book, &budgets, &Call::at(NOON), 100, 2 * CENT).unwrap_err();
    assert!(matches!(refused.why, Why::Reached(..)), "{refused:?}");
    hold(&book, &budgets, &Call::at(NOON), 101, CENT).unwrap().release();
}

#[test]
fn a82_a_day_of_hours_and_a_little_is_remembered_and_no_more() {
    let hourly = windows(one(1, Scope::Global, 10 * CENT), Period::Hour);
    let (book, budgets) = open(std::slice::from_ref(&hourly));
    let spend = |hour: u32| {
        let (call, number) = (Call::at(NOON.plus(HOUR * hour)), u128::from(hour));
        hold(&book, &budgets, &call, number, 9 * CENT).unwrap().settle(Some(Nanodollars(9 * CENT)));
        book.projected([&call.row(number, Some(9 * CENT))]);
    };
    let at_noon = || hold(&book, &budgets, &Call::at(NOON), 100, 2 * CENT).unwrap_err().why;
    (0..26).for_each(spend);
    assert!(matches!(at_noon(), Why::Reached(_, reached) if reached.spent.0 == 9 * CENT));
    spend(26);
    assert!(matches!(at_noon(), Why::Unread(..)));
}

#[test]
fn what_calls_of_earlier_windows_have_reserved_stays_when_a_budget_is_read() {
    let mut soft = windows(one(1, Scope::Global, 10 * CENT), Period::Hour);
    soft.kind = BudgetKind::Soft;
    let (book, budgets) = (Arc::new(Book::new()), Budgets::new(std::slice::from_ref(&soft)));
    let long = hold(&book, &budgets, &Call::at(NOON), 1, 3 * CENT).unwrap();
    let now = NOON.plus(HOUR * 5);
    for filling in book.unfilled(&budgets, now) {
        assert!(filling.query().since > NOON, "its hour is not read");
        filling.fill(&[]);
    }
    let shown = || {
        let view = book.view(&soft, &Scope::Global, NOON);
        (view.spent.0, view.reserved.0)
    };
    assert_eq!(shown(), (0, 3 * CENT));
    long.settle(Some(Nanodollars(2 * CENT)));
    assert_eq!(shown(), (2 * CENT, 0));
}

#[test]
fn an_attempt_that_outlives_what_is_remembered_still_ends_in_its_own_window() {
    let hourly = windows(one(1, Scope::Global, 10 * CENT), Period::Hour);
    let (book, budgets) = open(std::slice::from_ref(&hourly));
    let long = hold(&book, &budgets, &Call::at(NOON), 1_000, 5 * CENT).unwrap();
    for hour in 1..60_u32 {
        let call = Call::at(NOON.plus(HOUR * hour));
        hold(&book, &budgets, &call, u128::from(hour), CENT).unwrap().settle(Some(Nanodollars(CENT)));
        book.projected([&call.row(u128::from(hour), Some(CENT))]);
    }
    let shown = || {
        let view = book.view(&hourly, &Scope::Global, NOON);
        (view.spent.0, view.reserved.0)
    };
    assert_eq!(shown(), (0, 5 * CENT));
    long.settle(Some(Nanodollars(4 * CENT)));
    assert_eq!(shown(), (4 * CENT, 0));
}

#[test]
fn a82_a_clock_that_hesitates_at_midnight_refuses_nobody() {
    let all = [one(1, Scope::Global, 10 * CENT)];
    let midnight = NOON.plus(DAY / 2);
    let (book, budgets) = (Arc::new(Book::new()), Budgets::new(&all));
    for filling in book.unfilled(&budgets, midnight) {
        filling.fill(&[]);
    }
    let before = Call::at(midnight.minus(Duration::from_millis(1)));
    hold(&book, &budgets, &before, 1, CENT).unwrap().release();
}

#[test]
fn a_rolling_window_says_when_there_is_room_and_keeps_its_word() {
    let mut rolling = one(1, Scope::Global, 10 * CENT);
    rolling.windows.period = Period::Rolling { seconds: 7_200 };
    let (book, budgets) = open(std::slice::from_ref(&rolling));
    for (number, minutes, cents) in [(1, 5, 4), (2, 40, 3), (3, 100, 2)] {
        let call = Call::at(NOON.plus(Duration::from_mins(minutes)));
        hold(&book, &budgets, &call, number, cents * CENT).unwrap().settle(Some(Nanodollars(cents * CENT)));
    }
    let now = NOON.plus(Duration::from_mins(110));
    for (needed, minutes) in [(2, 135), (5, 135), (6, 165), (8, 165), (9, 225), (10, 225)] {
        let refused = hold(&book, &budgets, &Call::at(now), 9, needed * CENT).unwrap_err();
        let Why::Reached(_, reached) = refused.why else { panic!("{refused:?}") };
        assert_eq!(reached.resets_at, NOON.plus(Duration::from_mins(minutes)), "{needed} cents");
        let (other, index) = open(std::slice::from_ref(&rolling));
        for (number, minutes, cents) in [(1, 5, 4), (2, 40, 3), (3, 100, 2)] {
            let call = Call::at(NOON.plus(Duration::from_mins(minutes)));
            hold(&other, &index, &call, number, cents * CENT).unwrap().settle(Some(Nanodollars(cents * CENT)));
        }
        let early = reached.resets_at.minus(Duration::from_millis(1));
        assert!(hold(&other, &index, &Call::at(early), 9, needed * CENT).is_err());
        assert!(hold(&other, &index, &Call::at(reached.resets_at), 9, needed * CENT).is_ok());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// No stretch of the length of a rolling window holds more than the amount, wherever it begins, whatever the clock
    /// does.
    #[test]
    fn m10_no_stretch_of_a_rolling_window_holds_more_than_the_amount(
        steps in proptest::collection::vec((any::<u16>(), 1..60_i64), 1..120),
        quarters in 1..9_u64,
        steps_back in any::<bool>(),
    ) {
        let length = Duration::from_mins(15 * quarters);
        let mut rolling = one(1, Scope::Global, 100);
        rolling.windows.period = Period::Rolling { seconds: length.as_secs() };
        let (book, budgets) = open(std::slice::from_ref(&rolling));
        let mut now = NOON;
        let mut spent: Vec<(Timestamp, i64)> = Vec::new();
        for (number, (pause, cost)) in steps.into_iter().enumerate() {
            let pause = Duration::from_secs(u64::from(pause) / 64);
            now = if steps_back && number % 5 == 0 { now.minus(pause).max(NOON) } else { now.plus(pause) };
            let number = u128::try_from(number).unwrap();
            if let Ok(held) = hold(&book, &budgets, &Call::at(now), number, cost) {
                held.settle(Some(Nanodollars(cost)));
                if number % 2 == 0 {
                    book.projected([&Call::at(now).row(number, Some(cost))]);
                }
                spent.push((now, cost));
            }
        }
        for (from, _) in &spent {
            let until = from.plus(length);
            let sum: i64 = spent.iter().filter(|(at, _)| from <= at && *at < until).map(|(_, cost)| cost).sum();
            assert!(sum <= 100, "{sum} from {from:?}");
        }
    }
}
