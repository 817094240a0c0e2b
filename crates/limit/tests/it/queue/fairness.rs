use keyward_domain::virtual_key::Priority::Normal;

use super::*;

#[test]
fn l05_a_tenant_with_one_call_is_served_within_one_round() {
    let mut room = Room::new(1_000, 1_000);
    let mut calls: Vec<Call> = (0..100).map(|_| room.join(1, Normal)).collect();
    calls.extend((0..50).map(|_| room.join(2, Normal)));
    calls.push(room.join(3, Normal));
    let order = room.serve_all(&calls);
    assert_eq!(order[..7], [0, 100, 150, 1, 101, 2, 102], "each tenant once in a round");
    assert_eq!(order.len(), 151);
}

#[test]
fn l05_tenants_share_tokens_evenly_however_large_their_calls_are() {
    let mut room = Room::new(10_000, 10_000);
    let mut served = [0_u64; 2];
    let want = places(1);
    let large: Vec<Call> = (0..200).map(|_| room.join_for(&want, 1, Normal, 10_000).unwrap()).collect();
    let small: Vec<Call> = (0..4_000).map(|_| room.join_for(&want, 2, Normal, 100).unwrap()).collect();
    let (mut next_large, mut next_small) = (large.iter().peekable(), small.iter().peekable());
    for _ in 0..2_000 {
        let is_large = next_large.peek().is_some_and(|call| room.queue.standing(call.ticket) == Standing::Head);
        let call = if is_large { next_large.next() } else { next_small.next() }.unwrap();
        assert_eq!(room.queue.standing(call.ticket), Standing::Head);
        room.queue.leave(call.ticket, Left::Served);
        served[usize::from(!is_large)] += if is_large { 10_000 } else { 100 };
        // Never further apart than a turn of each.
        assert!(served[0].abs_diff(served[1]) <= 20_000, "{served:?}");
    }
    assert!(served.iter().all(|tokens| *tokens >= 90_000), "{served:?}");
}

#[test]
fn who_does_not_wait_saves_no_turns_up() {
    let mut room = Room::new(100, 100);
    for _ in 0..20 {
        let alone = [room.join(1, Normal)];
        room.serve_all(&alone);
    }
    let calls = [1, 1, 1, 2, 2, 2].map(|tenant| room.join(tenant, Normal));
    assert_eq!(room.serve_all(&calls), [0, 3, 1, 4, 2, 5]);
}
