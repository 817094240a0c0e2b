//! Calls in flight.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use keyward_domain::limit::{Limit, Meter};
use keyward_domain::port::{Counters as _, Refusal, Taken};
use keyward_limit::rate::InProcess;

use super::{Chance, limit, take, tokens, used};

const NOW: Duration = Duration::from_secs(1_000);
const PLACES: u64 = 8;

#[test]
fn l03_a_full_limit_refuses_and_a_freed_place_is_taken_again() {
    let (counters, limits) = (InProcess::default(), [limit(1, Meter::Concurrency, 2)]);
    let first = take(&counters, &limits, tokens(0, 0), NOW).unwrap();
    let second = take(&counters, &limits, tokens(0, 0), NOW).unwrap();
    let refusal = take(&counters, &limits, tokens(0, 0), NOW + Duration::from_hours(1)).unwrap_err();
    let Refusal::Reached(reached) = refusal else { panic!("a place gets free") };
    assert_eq!((reached.meter, reached.retry_after), (Meter::Concurrency, Duration::from_secs(1)));
    counters.settle(first, tokens(1, 1), NOW);
    let third = take(&counters, &limits, tokens(0, 0), NOW).unwrap();
    counters.undo(second, NOW);
    counters.undo(third, NOW);
    assert_eq!(used(&counters, &limits[0], NOW), 0);
}

#[test]
fn l03_after_100_000_random_ends_nothing_is_in_flight() {
    let (counters, limits) = (InProcess::default(), places_and_tokens());
    let (mut chance, mut open, mut fullest) = (Chance(3), Vec::<Taken>::new(), 0);
    for step in 0..100_000_u64 {
        let now = NOW + Duration::from_micros(step * 50);
        if chance.below(2) == 0 {
            open.extend(take(&counters, &limits, tokens(chance.below(50), 10), now));
        } else if !open.is_empty() {
            let ended = open.swap_remove(usize::try_from(chance.below(open.len() as u64)).unwrap());
            end(&counters, ended, &mut chance, now);
        }
        assert_eq!(used(&counters, &limits[0], now), open.len() as u64);
        assert!(open.len() as u64 <= PLACES);
        fullest = fullest.max(open.len() as u64);
    }
    assert_eq!(fullest, PLACES, "the limit is reached");
    for ended in open {
        end(&counters, ended, &mut chance, NOW + Duration::from_hours(1));
    }
    assert_eq!(used(&counters, &limits[0], NOW), 0);
}

#[test]
fn l03_eight_threads_never_see_more_than_the_limit_in_flight() {
    let (counters, limits) = (InProcess::default(), places_and_tokens());
    let (in_flight, fullest) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for seed in 0..8 {
            let (counters, limits, in_flight, fullest) = (&counters, &limits, &in_flight, &fullest);
            scope.spawn(move || {
                let mut chance = Chance(seed);
                let mut open = Vec::new();
                for _ in 0..12_500 {
                    if chance.below(2) == 0 {
                        if let Ok(taken) = take(counters, limits, tokens(1, 0), NOW) {
                            let now_open = in_flight.fetch_add(1, SeqCst) + 1;
                            fullest.fetch_max(now_open, SeqCst);
                            open.push(taken);
                        }
                    } else if let Some(taken) = open.pop() {
                        in_flight.fetch_sub(1, SeqCst);
                        end(counters, taken, &mut chance, NOW);
                    }
                }
                for taken in open {
                    in_flight.fetch_sub(1, SeqCst);
                    counters.undo(taken, NOW);
                }
            });
        }
    });
    assert_eq!(fullest.into_inner(), PLACES, "reached, never above");
    assert_eq!(used(&counters, &limits[0], NOW), 0);
}

fn places_and_tokens() -> [Limit; 2] {
    [limit(1, Meter::Concurrency, PLACES), limit(2, Meter::Tokens, 1_000_000_000)]
}

fn end(counters: &InProcess, taken: Taken, chance: &mut Chance, now: Duration) {
    match chance.below(3) {
        0 => counters.undo(taken, now),
        1 => counters.settle(taken, tokens(0, 0), now),
        _ => counters.settle(taken, tokens(100, 100), now),
    }
}
