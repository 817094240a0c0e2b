//! What every store does.

use std::time::Duration;

use keyward_domain::escrow::Pot;
use keyward_domain::money::Nanodollars;
use keyward_domain::port::EscrowError;
use keyward_domain::window::Window;

use super::{DAY, Shared, ask, id, posted, pot, spent};
use crate::support::START;

const EXPIRED: Duration = Duration::from_secs(30);

pub fn what_is_set_aside_and_what_is_spent_never_exceed_the_limit(store: &dyn Shared) {
    store.append(&[spent(1, Nanodollars(30), START)], &[]).unwrap();
    let (one, other) = (store.enter("one").unwrap(), store.enter("other").unwrap());
    let first = store.set_aside(&one, id(1), &pot(), &ask(100, 50, 1)).unwrap();
    assert_eq!((first.amount, first.left()), (Nanodollars(50), Nanodollars(50)));
    let second = store.set_aside(&other, id(2), &pot(), &ask(100, 50, 1)).unwrap();
    assert_eq!(second.amount, Nanodollars(20), "what is free");
    let third = store.set_aside(&other, id(3), &pot(), &ask(100, 50, 1));
    assert!(matches!(third, Err(EscrowError::NoRoom(Nanodollars(0)))));
    assert_eq!(store.chunks(&pot()).unwrap(), [first, second]);
    let raised = store.set_aside(&other, id(3), &pot(), &ask(110, 50, 11));
    assert!(matches!(raised, Err(EscrowError::NoRoom(Nanodollars(10)))), "less than the least is of no use");
    let lowered = store.set_aside(&other, id(3), &pot(), &ask(0, 50, 1));
    assert!(matches!(lowered, Err(EscrowError::NoRoom(Nanodollars(-100)))));
}

pub fn asking_again_gives_the_same(store: &dyn Shared) {
    let one = store.enter("one").unwrap();
    let chunk = store.set_aside(&one, id(1), &pot(), &ask(100, 40, 1)).unwrap();
    assert_eq!(store.set_aside(&one, id(1), &pot(), &ask(100, 70, 1)).unwrap(), chunk);
    let other = store.enter("other").unwrap();
    assert!(matches!(store.set_aside(&other, id(1), &pot(), &ask(100, 1, 1)), Err(EscrowError::Gone(_))));
    assert_eq!(store.chunks(&pot()).unwrap(), [chunk]);
}

pub fn what_is_used_is_replaced_as_far_as_money_is_free(store: &dyn Shared) {
    let one = store.enter("one").unwrap();
    store.set_aside(&one, id(1), &pot(), &ask(100, 40, 1)).unwrap();
    store.append(&[spent(1, Nanodollars(30), START)], &[]).unwrap();
    let mut later = ask(100, 40, 1);
    later.expires_at = START.plus(Duration::from_mins(1));
    let chunk = store.renew(&one, id(1), Nanodollars(30), &later).unwrap();
    assert_eq!((chunk.amount, chunk.left(), chunk.expires_at), (Nanodollars(70), Nanodollars(40), later.expires_at));
    assert_eq!(store.renew(&one, id(1), Nanodollars(30), &later).unwrap(), chunk, "a repetition changes nothing");
    let more = store.renew(&one, id(1), Nanodollars(30), &ask(100, 90, 1)).unwrap();
    assert_eq!((more.left(), more.expires_at), (Nanodollars(70), later.expires_at), "30 of 100 are spent");
    let lowered = store.renew(&one, id(1), Nanodollars(30), &ask(0, 90, 1)).unwrap();
    assert_eq!(lowered.left(), Nanodollars(70), "what a node has it may spend");
}

pub fn what_is_given_back_is_free(store: &dyn Shared) {
    let (one, other) = (store.enter("one").unwrap(), store.enter("other").unwrap());
    store.set_aside(&one, id(1), &pot(), &ask(100, 100, 1)).unwrap();
    store.append(&[spent(1, Nanodollars(30), START)], &[]).unwrap();
    store.give_back(&other, id(1)).unwrap();
    assert_eq!(store.chunks(&pot()).unwrap().len(), 1, "only its holder gives a chunk back");
    store.give_back(&one, id(1)).unwrap();
    store.give_back(&one, id(1)).unwrap();
    assert_eq!(store.set_aside(&other, id(2), &pot(), &ask(100, 100, 1)).unwrap().amount, Nanodollars(70));
    assert!(matches!(store.renew(&one, id(1), Nanodollars(30), &ask(100, 1, 1)), Err(EscrowError::Gone(_))));
}

pub fn only_the_latest_life_of_a_node_changes_anything(store: &dyn Shared) {
    let paused = store.enter("one").unwrap();
    let chunk = store.set_aside(&paused, id(1), &pot(), &ask(100, 60, 1)).unwrap();
    let successor = store.enter("one").unwrap();
    assert_eq!((paused.epoch, successor.epoch), (1, 2));
    let fenced = [
        store.set_aside(&paused, id(2), &pot(), &ask(100, 10, 1)).map(drop),
        store.renew(&paused, id(1), Nanodollars(5), &ask(100, 10, 1)).map(drop),
        store.give_back(&paused, id(1)),
        store.settled(&paused, START.plus(DAY)).map(drop),
    ];
    assert!(fenced.iter().all(|refused| matches!(refused, Err(EscrowError::Fenced(_)))), "{fenced:?}");
    let taken_over = store.renew(&successor, id(1), Nanodollars(0), &ask(100, 10, 1));
    assert!(matches!(taken_over, Err(EscrowError::Gone(_))), "nobody spends what another life holds");
    assert_eq!(store.chunks(&pot()).unwrap(), [chunk]);
    let stranger = keyward_domain::escrow::Holder { node: "nobody".into(), epoch: 1 };
    assert!(matches!(store.set_aside(&stranger, id(3), &pot(), &ask(100, 10, 1)), Err(EscrowError::Fenced(_))));
}

pub fn what_a_dead_life_held_comes_back_when_it_is_settled_and_over(store: &dyn Shared) {
    let dead = store.enter("one").unwrap();
    store.set_aside(&dead, id(1), &pot(), &ask(100, 100, 1)).unwrap();
    let successor = store.enter("one").unwrap();
    store.append(&[spent(1, Nanodollars(30), START)], &[]).unwrap();
    let almost = START.plus(EXPIRED).minus(Duration::from_millis(1));
    assert_eq!(store.settled(&successor, almost).unwrap(), 1, "the life before may still be spending it");
    assert_eq!(store.settled(&successor, START.plus(EXPIRED)).unwrap(), 0);
    assert_eq!(store.set_aside(&successor, id(2), &pot(), &ask(100, 100, 1)).unwrap().amount, Nanodollars(70));
    store.settled(&successor, START.plus(DAY)).unwrap();
    assert_eq!(store.chunks(&pot()).unwrap().len(), 1, "its own chunks stay");
}

pub fn a_chunk_does_not_come_back_by_time_alone(store: &dyn Shared) {
    let (silent, other) = (store.enter("silent").unwrap(), store.enter("other").unwrap());
    let chunk = store.set_aside(&silent, id(1), &pot(), &ask(100, 100, 1)).unwrap();
    let late = START.plus(DAY);
    assert_eq!(store.settled(&other, late).unwrap(), 0);
    assert!(matches!(
        store.set_aside(&other, id(2), &pot(), &ask(100, 10, 1)),
        Err(EscrowError::NoRoom(Nanodollars(0)))
    ));
    assert_eq!(store.write_off(chunk.expires_at).unwrap(), [], "not before it is over");
    assert_eq!(store.write_off(late).unwrap(), [chunk]);
    assert_eq!(store.set_aside(&other, id(2), &pot(), &ask(100, 10, 1)).unwrap().amount, Nanodollars(10));
    // The silent node is back: it is told, and what it spent counts.
    assert!(matches!(store.renew(&silent, id(1), Nanodollars(0), &ask(100, 10, 1)), Err(EscrowError::Gone(_))));
    store.append(&[spent(1, Nanodollars(95), START)], &[]).unwrap();
    assert_eq!(posted(store, &pot()), Nanodollars(95));
    assert!(matches!(
        store.set_aside(&other, id(3), &pot(), &ask(100, 10, 1)),
        Err(EscrowError::NoRoom(Nanodollars(-5)))
    ));
}

pub fn windows_that_overlap_share_their_money(store: &dyn Shared) {
    let one = store.enter("one").unwrap();
    store.set_aside(&one, id(1), &pot(), &ask(100, 100, 1)).unwrap();
    let later = |by: Duration| {
        let window = Window { from: pot().window.from.plus(by), until: pot().window.until.plus(by) };
        Pot { window, ..pot() }
    };
    let refused = store.set_aside(&one, id(2), &later(DAY), &ask(100, 100, 1));
    assert!(matches!(refused, Err(EscrowError::NoRoom(_))));
    assert_eq!(store.set_aside(&one, id(2), &later(2 * DAY), &ask(100, 100, 1)).unwrap().amount, Nanodollars(100));
    let other_scope = Pot { scope: keyward_domain::scope::Scope::Global, ..pot() };
    assert_eq!(store.set_aside(&one, id(3), &other_scope, &ask(100, 100, 1)).unwrap().amount, Nanodollars(100));
}

pub fn the_largest_amounts_do_not_overflow(store: &dyn Shared) {
    let one = store.enter("one").unwrap();
    for (n, is_given) in [(1, true), (2, false)] {
        let given = store.set_aside(&one, id(n), &pot(), &ask(i64::MAX, i64::MAX, i64::MAX));
        assert_eq!(given.is_ok(), is_given);
    }
    let chunk = store.renew(&one, id(1), Nanodollars(i64::MAX), &ask(i64::MAX, i64::MAX, 1)).unwrap();
    assert_eq!(chunk.amount, Nanodollars(i64::MAX));
    assert!(store.set_aside(&one, id(3), &pot(), &ask(i64::MIN, 1, 1)).is_err());
}
