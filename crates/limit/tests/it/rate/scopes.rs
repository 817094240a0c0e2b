//! Limits that each scope of a kind has for itself: made-up names neither fill the memory nor pass uncounted.

use std::sync::Arc;
use std::time::Duration;

use keyward_domain::limit::{Limit, Meter};
use keyward_domain::port::{Amounts, Ask, Counters as _, Refusal, Taken};
use keyward_domain::scope::{Reach, Scope, ScopeKind};
use keyward_limit::rate::{InProcess, Limits, MAX_SCOPES};

use super::{MINUTE, TENANT, call, limit, take, team, tokens, used};

const NOW: Duration = Duration::from_secs(1_000);

#[test]
fn names_beyond_the_bound_are_refused_until_others_are_idle() {
    let (counters, each) = (InProcess::default(), each_end_user());
    let idle_soon = ask(&counters, &each, 0, NOW).unwrap();
    for name in 1..MAX_SCOPES {
        let _taken = ask(&counters, &each, name, NOW).unwrap();
    }
    let refusal = ask(&counters, &each, MAX_SCOPES, NOW).unwrap_err();
    assert!(matches!(refusal, Refusal::Reached(reached) if reached.retry_after == Duration::from_secs(1)));
    assert!(ask(&counters, &each, 5, NOW).is_ok(), "who is counted already goes on");
    let others = [limit(2, Meter::Requests, 1)];
    assert!(take(&counters, &others, tokens(0, 0), NOW).is_ok(), "other limits have room of their own");

    // A full limit is not searched again and again.
    counters.undo(idle_soon, NOW);
    assert!(ask(&counters, &each, MAX_SCOPES, NOW + Duration::from_millis(999)).is_err());
    let in_its_place = ask(&counters, &each, MAX_SCOPES, NOW + Duration::from_secs(1)).unwrap();
    counters.undo(in_its_place, NOW);

    // All idle but one that goes on: it keeps its count, the others make room.
    let later = NOW + MINUTE;
    let _late = ask(&counters, &each, 7, NOW + Duration::from_millis(1)).unwrap();
    assert!(ask(&counters, &each, MAX_SCOPES + 1, later).is_ok());
    let of = |name: &str| counters.level(&each, &Scope::EndUser(TENANT, name.into()), NOW).used;
    assert_eq!((of("5"), of("7"), of(&(MAX_SCOPES + 1).to_string())), (0, 2, 1));
}

#[test]
fn a_burst_that_has_flowed_off_makes_room_and_one_that_has_not_stays() {
    let counters = InProcess::default();
    let each = Arc::new(Limit { burst: Some(2), ..(*each_end_user()).clone() });
    for name in 0..MAX_SCOPES {
        let _taken = ask(&counters, &each, name, NOW).unwrap();
    }
    let later = NOW + MINUTE;
    let _late = ask(&counters, &each, 7, NOW + Duration::from_secs(59)).unwrap();
    assert!(ask(&counters, &each, MAX_SCOPES, later).is_ok());
    let of = |name: &str| counters.level(&each, &Scope::EndUser(TENANT, name.into()), later).used;
    assert_eq!((of("5"), of("7"), of(&MAX_SCOPES.to_string())), (0, 1, 1));
}

#[test]
fn counters_of_limits_that_are_no_more_are_forgotten() {
    let counters = InProcess::default();
    let (kept, dropped) = (limit(1, Meter::Requests, 10), limit(2, Meter::Requests, 10));
    let _taken = take(&counters, &[kept.clone(), dropped.clone()], tokens(0, 0), NOW).unwrap();
    // A node's share of a limit that is counted elsewhere: the same limit, in another shape.
    let share = Limit { burst: Some(1), ..kept.clone() };
    let _taken = take(&counters, std::slice::from_ref(&share), tokens(0, 0), NOW).unwrap();
    counters.keep(&Limits::new(std::slice::from_ref(&kept)));
    assert_eq!([&kept, &dropped, &share].map(|limit| used(&counters, limit, NOW)), [1, 0, 1]);
    assert_eq!(team(), Scope::parse(ScopeKind::Team, &team().key()).unwrap());
}

fn each_end_user() -> Arc<Limit> {
    Arc::new(Limit { reach: Reach::Each(ScopeKind::EndUser), ..limit(1, Meter::Requests, 2) })
}

fn ask(counters: &InProcess, limit: &Arc<Limit>, name: usize, now: Duration) -> Result<Taken, Refusal> {
    let scope = Scope::EndUser(TENANT, name.to_string().into());
    counters.take_now(vec![Ask::new(Arc::clone(limit), scope, Amounts::default())], call(1), now)
}
