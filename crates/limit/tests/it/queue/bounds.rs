use keyward_domain::virtual_key::Priority;
use keyward_domain::virtual_key::Priority::{High, Low, Normal};
use keyward_limit::queue::Left;
use proptest::prelude::*;

use super::*;

#[test]
fn l05_one_tenant_cannot_fill_the_queue() {
    let mut room = Room::new(10, 5);
    let mine: Vec<Call> = (0..5).map(|_| room.join(1, Normal)).collect();
    assert!(room.try_join(1, Normal).is_err());
    let theirs: Vec<Call> = (0..5).map(|_| room.join(2, Normal)).collect();
    assert!(room.try_join(3, Normal).is_err(), "no place is left at all");
    assert!(mine.iter().chain(&theirs).all(|call| !room.is_gone(call)));
    assert_eq!(Places::new(10), Places { all: 10, per_tenant: 5 });
    assert_eq!(Places::new(1), Places { all: 1, per_tenant: 1 });
}

#[test]
fn l05_a_full_queue_sheds_the_newest_of_the_lowest_priority() {
    let mut room = Room::new(4, 4);
    let calls = [Low, Normal, Low, Normal].map(|priority| room.join(1, priority));
    let first = room.join(2, High);
    assert!(room.is_gone(&calls[2]));
    assert_eq!(calls[2].rung(), 1, "it is told");
    let second = room.join(2, Normal);
    assert!(room.is_gone(&calls[0]));
    // Nobody left is less urgent than another normal one.
    assert!(room.try_join(2, Normal).is_err());
    assert!(room.try_join(2, Low).is_err());
    let third = room.join(2, High);
    assert!(room.is_gone(&second), "the newest of the normal ones");
    assert!([&first, &third, &calls[1], &calls[3]].iter().all(|call| !room.is_gone(call)));
}

#[test]
fn l05_a_tenant_at_its_bound_makes_room_for_its_own_urgent_calls_only() {
    let mut room = Room::new(10, 2);
    let (other, low) = (room.join(2, Low), room.join(1, Low));
    let normal = room.join(1, Normal);
    room.join(1, High);
    assert!(room.is_gone(&low) && !room.is_gone(&other) && !room.is_gone(&normal));
}

#[test]
fn l05_a_refusal_says_when_the_queue_will_have_moved() {
    let mut room = Room::new(2, 1);
    room.join(1, Normal);
    room.now += Duration::from_millis(500);
    room.join(2, Normal);
    room.now += Duration::from_millis(250);
    let full = room.try_join(3, Normal).err().unwrap();
    assert_eq!(full.retry_after, Duration::from_millis(1_250), "then the first has left, served or not");
    let full = room.try_join(2, Normal).err().unwrap();
    assert_eq!(full.retry_after, Duration::from_millis(1_750), "then its own tenant has a place");
    room.now += full.retry_after;
    assert!(room.try_join(2, Normal).is_ok(), "it was told the truth");
}

#[test]
fn l05_a_refusal_is_not_sooner_than_what_the_limit_said() {
    let mut room = Room::new(1, 1);
    let head = room.join(1, Normal);
    room.queue.refused(head.ticket, &places(1), 1, NOW + Duration::from_secs(30));
    assert_eq!(room.try_join(1, Normal).err().unwrap().retry_after, Duration::from_secs(30));
    assert_eq!(room.queue.retry_after(&places(1), NOW), Duration::from_secs(30));
    assert_eq!(room.queue.retry_after(&places(2), NOW), WAIT, "nobody said anything about that one");
}

#[test]
fn f70_a_waiter_whose_deadline_has_passed_is_out_even_if_it_never_runs() {
    let mut room = Room::new(2, 2);
    let late = [room.join(1, High), room.join(1, High)];
    room.now += WAIT;
    // Its thread does not get to run. Somebody else joins, or frees a place.
    let next = room.join(1, Low);
    assert!(late.iter().all(|call| room.is_gone(call) && call.rung() > 0));
    assert_eq!((room.queue.len(), room.queue.standing(next.ticket)), (1, Standing::Head));
    room.now += WAIT;
    room.queue.freed(&places(1), room.now);
    assert!(room.is_gone(&next) && room.queue.is_empty());
}

#[test]
fn no_places_at_all_means_that_nobody_waits() {
    assert!(Room::new(0, 0).try_join(1, High).is_err());
    assert!(Room::new(5, 0).try_join(1, High).is_err());
}

#[derive(Debug, Clone)]
enum Step {
    Join { team: u128, tenant: u128, priority: Priority, cost: u64 },
    ServeHeadOf(u128),
    Drop(usize),
    Move(usize, u128),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_u128, 0..4_u128, 0..3_usize, 1..50_u64).prop_map(|(team, tenant, rank, cost)| {
            Step::Join { team, tenant, priority: Priority::ALL[rank], cost }
        }),
        2 => (0..3_u128).prop_map(Step::ServeHeadOf),
        1 => (0..40_usize).prop_map(Step::Drop),
        1 => (0..40_usize, 0..3_u128).prop_map(|(which, team)| Step::Move(which, team)),
        1 => (0..900_u64).prop_map(Step::Pass),
    ]
}

proptest! {
    #[test]
    fn l05_neither_bound_is_ever_exceeded(steps in prop::collection::vec(step(), 1..200)) {
        let mut room = Room::new(12, 5);
        let mut calls: Vec<(u128, u128, Priority, Call)> = Vec::new();
        for step in steps {
            match step {
                Step::Join { team, tenant, priority, cost } => {
                    if let Ok(call) = room.join_for(&places(team), tenant, priority, cost) {
                        calls.push((team, tenant, priority, call));
                    }
                }
                Step::ServeHeadOf(team) => {
                    let head = calls.iter().find(|(of, _, _, call)| {
                        *of == team && room.queue.standing(call.ticket) == Standing::Head
                    });
                    if let Some((_, _, _, head)) = head {
                        room.queue.leave(head.ticket, Left::Served);
                    }
                }
                Step::Drop(which) => {
                    if let Some((_, _, _, call)) = calls.get(which) {
                        room.queue.leave(call.ticket, Left::Unserved);
                    }
                }
                Step::Move(which, team) => {
                    if let Some((of, _, _, call)) = calls.get_mut(which) {
                        *of = team;
                        room.queue.refused(call.ticket, &places(team), 1, room.now);
                    }
                }
                Step::Pass(millis) => {
                    room.now += Duration::from_millis(millis);
                    room.queue.expire(room.now);
                }
            }
            calls.retain(|(_, _, _, call)| !room.is_gone(call));
            prop_assert_eq!(room.queue.len(), calls.len(), "nobody waits whom no test knows of");
            prop_assert!(calls.len() <= 12);
            for tenant in 0..4 {
                prop_assert!(calls.iter().filter(|(_, of, ..)| *of == tenant).count() <= 5);
            }
            for team in 0..3 {
                // Every line has exactly one head, and nobody who waits there is more urgent.
                let line: Vec<_> = calls.iter().filter(|(of, ..)| *of == team).collect();
                let is_head = |call: &Call| room.queue.standing(call.ticket) == Standing::Head;
                let heads: Vec<_> = line.iter().filter(|(_, _, _, call)| is_head(call)).collect();
                prop_assert_eq!(heads.len(), usize::from(!line.is_empty()));
                if let Some((_, _, urgency, _)) = heads.first() {
                    prop_assert!(line.iter().all(|(_, _, priority, _)| priority <= urgency));
                }
            }
        }
    }
}
