use super::{FLOOR, Learned, News, Sign};

/// Stands for any number of calls.
const ANY: u32 = u32::MAX;

fn sign(in_flight: u32, began: u64, now: u64) -> Sign {
    Sign { in_flight, began, now }
}

/// Signs of calls that begin and end at once, until there is a cut at this time.
fn cut(learned: &mut Learned, in_flight: u32, now: u64) {
    let before = learned.limit();
    let counted = (0..=in_flight).find(|_| {
        learned.overloaded(sign(in_flight, now, now));
        learned.limit() != before
    });
    assert!(counted.is_some(), "{learned:?} was not cut");
}

/// Whole rounds of successes with the limit used up.
fn rounds(learned: &mut Learned, rounds: u32, began: u64) {
    for _ in 0..rounds {
        let limit = learned.limit().unwrap();
        (0..limit).for_each(|_| learned.succeeded(began, limit, ANY));
    }
}

#[test]
fn l05_nothing_is_learned_of_an_upstream_that_only_succeeds() {
    let mut learned = Learned::default();
    (0..10_000).for_each(|call| learned.succeeded(call, 1_000, ANY));
    assert_eq!((learned.limit(), learned.is_learning()), (None, false));
}

#[test]
fn l05_a_single_refusal_is_no_capacity() {
    let mut learned = Learned::default();
    for round in 0..100 {
        assert_eq!(learned.overloaded(sign(30, round, round)), News::Sign);
        (0..30).for_each(|_| learned.succeeded(round, 30, ANY));
        assert!(!learned.is_learning(), "{learned:?}");
    }
    // Nor are forty of a thousand.
    for _ in 0..40 {
        learned.overloaded(sign(1_000, 200, 200));
    }
    assert_eq!(learned.limit(), None);
    for _ in 0..10 {
        learned.overloaded(sign(1_000, 200, 200));
    }
    assert_eq!(learned.limit(), Some(900));
}

#[test]
fn l05_a_cut_leaves_nine_tenths_and_one_burst_counts_once() {
    let mut learned = Learned::default();
    cut(&mut learned, 100, 50);
    assert_eq!(learned.limit(), Some(90));
    for late in 51..500 {
        assert_eq!(learned.overloaded(sign(100, 50, late)), News::Old, "it began before the cut");
    }
    assert_eq!(learned.limit(), Some(90));
    // One of the burst gets through: the next call that is refused is news.
    learned.succeeded(1, 90, ANY);
    let news = [learned.overloaded(sign(91, 51, 600)), learned.overloaded(sign(91, 52, 601))];
    assert_eq!(news, [News::Answered; 2]);
    assert_eq!(learned.limit(), Some(90), "less than one in twenty");
    for _ in 0..4 {
        learned.overloaded(sign(91, 52, 602));
    }
    assert_eq!(learned.limit(), Some(81));
}

#[test]
fn l05_the_rest_of_a_burst_says_how_far_it_was_above() {
    let mut learned = Learned::default();
    // A hundred at once; twenty are served. Each that is refused leaves.
    for in_flight in (21..=100).rev() {
        learned.overloaded(sign(in_flight, 10, 12));
    }
    assert_eq!(learned.limit(), Some(20), "as many as are left: nobody new before one of them succeeds");
    let mut other = learned;
    learned.succeeded(10, 20, ANY);
    assert_eq!(learned.limit(), Some(18));
    // A success of a call from after the burst says nothing about what became of it.
    other.succeeded(13, 20, ANY);
    assert_eq!(other.limit(), Some(87), "nine tenths of those at the fourth refusal");
}

#[test]
fn l05_an_outage_is_no_capacity() {
    let mut learned = Learned::default();
    for call in 10..10_000 {
        learned.overloaded(sign(100, call, call + 1));
    }
    assert_eq!(learned.limit(), Some(90), "nobody got through: one cut");
    // The last of them saw few under way, but nobody of that burst was served either.
    learned.overloaded(sign(5, 1, 10_001));
    learned.succeeded(10_002, 5, ANY);
    assert_eq!(learned.limit(), Some(90));
    // Forgotten during the outage, it is not learned anew before somebody is served.
    let mut learned = Learned::default();
    cut(&mut learned, 100, 1);
    learned.forget();
    assert!(learned.is_learning(), "a success has to be seen");
    for call in 2..1_000 {
        learned.overloaded(sign(9, call, call));
    }
    assert_eq!(learned.limit(), None);
}

#[test]
fn l05_it_never_goes_below_the_floor() {
    let mut learned = Learned::default();
    for turn in 0..200 {
        let in_flight = learned.limit().unwrap_or(40);
        for _ in 0..3 {
            learned.overloaded(sign(in_flight, turn * 10, turn * 10));
        }
        learned.succeeded(turn * 10 + 1, in_flight, ANY);
    }
    assert_eq!(learned.limit(), Some(FLOOR));
    assert_eq!(learned.overloaded(sign(4, 3_000, 3_000)), News::Sign, "that is for the circuit to answer");
    let mut few = Learned::default();
    for call in 0..100 {
        few.overloaded(sign(FLOOR, call, call));
    }
    assert_eq!(few.limit(), None, "so few are never too many");
}

#[test]
fn l05_it_grows_by_one_each_round_waits_below_what_was_too_many_and_then_grows_faster() {
    let mut learned = Learned::default();
    cut(&mut learned, 40, 5);
    let mut limits = Vec::new();
    for _ in 0..20 {
        limits.push(learned.limit().unwrap());
        rounds(&mut learned, 1, 6);
    }
    assert_eq!(limits, [36, 37, 38, 39, 39, 39, 39, 39, 39, 40, 42, 44, 46, 48, 50, 52, 54, 56, 60, 64]);
    cut(&mut learned, 68, 7);
    assert_eq!(learned.limit(), Some(61));
    learned.succeeded(8, 61, ANY);
    rounds(&mut learned, 1, 8);
    assert_eq!(learned.limit(), Some(62), "one each round again");
    // Small ones as well are not tried out round after round.
    let mut small = Learned::default();
    cut(&mut small, 8, 5);
    rounds(&mut small, 8, 6);
    assert_eq!(small.limit(), Some(7));
    rounds(&mut small, 1, 6);
    assert_eq!(small.limit(), Some(8));
}

#[test]
fn l05_a_round_with_signs_is_no_step_and_what_is_not_used_does_not_grow() {
    let mut learned = Learned::default();
    cut(&mut learned, 200, 5);
    learned.succeeded(5, 180, ANY);
    learned.overloaded(sign(180, 6, 6));
    (0..180).for_each(|_| learned.succeeded(6, 180, ANY));
    assert_eq!(learned.limit(), Some(180), "one sign of 180: neither cut nor step");
    (0..2_000).for_each(|_| learned.succeeded(6, 89, ANY));
    assert_eq!(learned.limit(), Some(180), "less than half of it is used");
    (0..180).for_each(|_| learned.succeeded(6, 90, ANY));
    assert_eq!(learned.limit(), Some(181));
}

#[test]
fn l05_at_the_ceiling_there_is_nothing_left_to_learn() {
    let mut learned = Learned::default();
    cut(&mut learned, 40, 5);
    for _ in 0..10_000 {
        let limit = learned.limit().unwrap_or(40);
        assert!(limit <= 40);
        learned.succeeded(6, limit, 40);
    }
    assert_eq!((learned.limit(), learned.is_learning()), (None, false));
}
