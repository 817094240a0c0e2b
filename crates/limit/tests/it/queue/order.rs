use keyward_domain::virtual_key::Priority::{High, Low, Normal};
use keyward_limit::queue::Left;

use super::*;

#[test]
fn l05_high_overtakes_low_and_within_a_priority_the_oldest_goes_first() {
    let mut room = Room::new(10, 10);
    let calls = [Low, Normal, High, Low, High, Normal].map(|priority| room.join(1, priority));
    assert_eq!(room.serve_all(&calls), [2, 4, 1, 5, 0, 3]);
    assert!(room.queue.is_empty());
}

#[test]
fn one_bell_is_rung_for_one_place_however_many_wait() {
    let mut room = Room::new(100, 100);
    let calls: Vec<Call> = (0..50).map(|_| room.join(1, Normal)).collect();
    assert_eq!(calls.iter().map(Call::rung).sum::<u32>(), 0, "whoever joins looks itself where it stands");
    room.queue.freed(&places(1), NOW);
    assert_eq!(calls.iter().map(Call::rung).collect::<Vec<_>>(), [[1].as_slice(), &[0; 49]].concat());
    // The one that was served wakes the next, should there be room for two.
    room.queue.leave(calls[0].ticket, Left::Served);
    assert_eq!(calls.iter().map(Call::rung).collect::<Vec<_>>(), [[0, 1].as_slice(), &[0; 48]].concat());
    // Somebody who leaves from the middle wakes nobody.
    room.queue.leave(calls[20].ticket, Left::Unserved);
    assert_eq!(calls.iter().map(Call::rung).sum::<u32>(), 0);
}

#[test]
fn l05_a_waiter_that_is_dropped_hands_its_turn_on() {
    let mut room = Room::new(10, 10);
    let calls = [room.join(1, Normal), room.join(2, Normal), room.join(1, Normal)];
    room.queue.freed(&places(1), NOW);
    assert_eq!(calls[0].rung(), 1);
    // It goes without having tried.
    room.queue.leave(calls[0].ticket, Left::Unserved);
    assert!(room.is_gone(&calls[0]));
    assert_eq!((calls[1].rung(), calls[2].rung()), (0, 1), "the turn is still its tenant's, which got nothing yet");
    assert_eq!(room.queue.len(), 2);
}

#[test]
fn l05_who_comes_stands_behind_those_who_are_as_urgent() {
    let mut room = Room::new(10, 10);
    let wants = [places(9), places(1)];
    assert_eq!(room.queue.behind(&wants, Low), None);
    room.join(1, Normal);
    assert_eq!(room.queue.behind(&wants, Low), Some(&places(1)));
    assert_eq!(room.queue.behind(&wants, Normal), Some(&places(1)));
    assert_eq!(room.queue.behind(&wants, High), None, "it may try at once");
    assert_eq!(room.queue.behind(&wants[..1], Low), None, "nobody waits for that");

    let behind = |priority| {
        let mut room = Room::new(10, 10);
        room.join(1, priority);
        [Low, Normal, High].map(|own| room.queue.behind(&wants, own).is_some())
    };
    assert_eq!(behind(Low), [true, false, false]);
    assert_eq!(behind(High), [true, true, true]);
}
