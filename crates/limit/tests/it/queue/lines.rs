use std::sync::Arc;

use keyward_domain::ids::ProviderId;
use keyward_domain::virtual_key::Priority::{High, Normal};

use super::*;

fn key_of(provider: u128, model: &str) -> Want {
    Want::Keys { provider: ProviderId::from_bits(provider), model: Arc::from(model), account: None }
}

#[test]
fn nobody_stands_behind_somebody_who_wants_something_else() {
    let mut room = Room::new(10, 10);
    let one = room.join_for(&places(1), 1, High, 1).unwrap();
    let two = room.join_for(&places(2), 1, Normal, 1).unwrap();
    assert_eq!([&one, &two].map(|call| room.queue.standing(call.ticket)), [Standing::Head; 2]);
    room.queue.freed(&places(2), NOW);
    assert_eq!((one.rung(), two.rung()), (0, 1));
}

#[test]
fn a_free_key_wakes_one_waiter_of_each_line_of_its_provider() {
    let mut room = Room::new(10, 10);
    let wants = [key_of(1, "a"), key_of(1, "a"), key_of(1, "b"), key_of(2, "a"), places(1)];
    let calls = wants.map(|want| room.join_for(&want, 1, Normal, 1).unwrap());
    room.queue.freed_key(ProviderId::from_bits(1), NOW);
    assert_eq!(calls.each_ref().map(Call::rung), [1, 0, 1, 0, 0]);
}

#[test]
fn who_is_refused_by_something_else_stands_there_by_its_age() {
    let mut room = Room::new(10, 10);
    let old = room.join_for(&places(1), 1, Normal, 1).unwrap();
    let next = room.join_for(&places(1), 1, Normal, 1).unwrap();
    let young = room.join_for(&places(2), 1, Normal, 1).unwrap();
    room.queue.refused(old.ticket, &places(2), 1, NOW);
    assert_eq!(room.queue.standing(old.ticket), Standing::Head, "before the younger one");
    assert_eq!(room.queue.standing(young.ticket), Standing::Behind);
    assert_eq!((room.queue.standing(next.ticket), next.rung()), (Standing::Head, 1), "it has its turn now");
}
