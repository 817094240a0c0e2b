//! How fit provider keys are, and how they came to that.

use keyward_domain::ids::{CredentialId, RequestId};
use keyward_domain::judgement::Trouble;
use keyward_domain::port::{Change, MAX_MODELS_PER_KEY, Store, StoreError};
use keyward_domain::standing::{Cause, KeyEvent, KeyEventFilter, KeyStanding, Standing};

use crate::support::pool::{at, cooling, event};
use crate::support::record::{audit, credential, provider};

const KEY: u128 = 2;
const OTHER: u128 = 3;

fn newest(limit: u32) -> KeyEventFilter {
    KeyEventFilter { limit, ..KeyEventFilter::default() }
}

/// What happened and when, newest first.
fn log(store: &dyn Store, filter: &KeyEventFilter) -> Vec<(u64, KeyEvent)> {
    store.key_events(filter).unwrap()
}

fn positions(store: &dyn Store, filter: &KeyEventFilter) -> Vec<u64> {
    log(store, filter).into_iter().map(|(seq, _)| seq).collect()
}

/// One of everything that a standing can say.
fn every_kind() -> Vec<KeyEvent> {
    let standings = [
        cooling(90),
        Standing::Exhausted { until: Some(at(900)) },
        Standing::Exhausted { until: None },
        Standing::Suspect,
        cooling(95),
        cooling(96),
    ];
    let causes = [
        Cause::Answer { request: RequestId::from_bits(u128::MAX), status: 429 },
        Cause::Lease { lease: RequestId::from_bits(7) },
        Cause::Probe,
        Cause::Sibling { credential: CredentialId::from_bits(9) },
        Cause::Operator { principal: "admin token `ci`".to_owned() },
        Cause::Time,
    ];
    let mut all = Vec::new();
    for (n, (standing, cause)) in (1..).zip(standings.into_iter().zip(causes)) {
        let model = (n > 3).then_some("modèle-漢字");
        let mut event = event(n, u128::from(n), model, standing);
        (event.from, event.now.cause) = (standing, cause);
        event.now.trouble = (n % 2 == 0).then_some(Trouble::QuotaExhausted);
        all.push(event);
    }
    all
}

pub fn a_standing_and_its_event_come_back_as_they_were(store: &dyn Store) {
    assert_eq!((store.standings().unwrap(), log(store, &newest(10))), (vec![], vec![]));
    let events = every_kind();
    store.put_standings(&events).unwrap();
    let expected: Vec<KeyStanding> = events.iter().map(|event| event.now.clone()).collect();
    assert_eq!(store.standings().unwrap(), expected);
    let mut found: Vec<KeyEvent> = log(store, &newest(10)).into_iter().map(|(_, event)| event).collect();
    found.reverse();
    assert_eq!(found, events);
}

pub fn the_last_event_is_the_standing_of_its_key_and_model(store: &dyn Store) {
    let batch = [
        event(1, KEY, None, cooling(10)),
        event(1, KEY, Some("gpt-4o"), cooling(20)),
        event(1, OTHER, None, Standing::Suspect),
        event(2, KEY, None, Standing::Exhausted { until: None }),
    ];
    store.put_standings(&batch).unwrap();
    store.put_standings(&[event(3, KEY, Some("gpt-4o"), cooling(40))]).unwrap();
    let now: Vec<_> = store.standings().unwrap().into_iter().map(|known| (known.model, known.standing)).collect();
    let expected = [
        (None, Standing::Exhausted { until: None }),
        (Some("gpt-4o".to_owned()), cooling(40)),
        (None, Standing::Suspect),
    ];
    assert_eq!(now, expected);
    assert_eq!(log(store, &newest(10)).len(), 5);
}

pub fn an_active_key_has_no_standing(store: &dyn Store) {
    store.put_standings(&[event(1, KEY, None, cooling(10)), event(1, KEY, Some("gpt-4o"), cooling(10))]).unwrap();
    store.put_standings(&[event(2, KEY, None, Standing::Active)]).unwrap();
    let left: Vec<_> = store.standings().unwrap().into_iter().map(|known| known.model).collect();
    assert_eq!(left, [Some("gpt-4o".to_owned())]);
    // One that never had a standing.
    store.put_standings(&[event(3, OTHER, None, Standing::Active)]).unwrap();
    assert_eq!(store.standings().unwrap().len(), 1);
    assert_eq!(log(store, &newest(10)).len(), 4);
}

pub fn a_batch_of_events_may_be_repeated(store: &dyn Store) {
    let first = [event(1, KEY, None, cooling(10)), event(2, KEY, None, Standing::Active)];
    let second = [event(3, KEY, None, Standing::Suspect)];
    store.put_standings(&first).unwrap();
    store.put_standings(&first).unwrap();
    assert_eq!((log(store, &newest(10)).len(), store.standings().unwrap().len()), (2, 0));
    store.put_standings(&second).unwrap();
    // Even behind what came after it: an old event does not bring an old standing back.
    store.put_standings(&first).unwrap();
    let [known] = store.standings().unwrap().try_into().unwrap();
    assert_eq!(known, second[0].now);
    // Partly known, as after joining the batch that was not acknowledged with the next one.
    store.put_standings(&[second[0].clone(), event(4, KEY, None, cooling(50))]).unwrap();
    assert_eq!((log(store, &newest(10)).len(), store.standings().unwrap()[0].standing), (4, cooling(50)));
    // Another key, another model, another reason: other events, at the same moment.
    let mut other = event(4, KEY, None, cooling(50));
    "the provider answered 503".clone_into(&mut other.now.reason);
    let others = [other, event(4, OTHER, None, cooling(50)), event(4, KEY, Some("o3"), cooling(50))];
    store.put_standings(&others).unwrap();
    assert_eq!(log(store, &newest(10)).len(), 7);
    store.put_standings(&[]).unwrap();
}

pub fn events_are_newest_first_in_pages(store: &dyn Store) {
    for n in 1..=7 {
        store.put_standings(&[event(n, KEY + u128::from(n % 2), None, cooling(90))]).unwrap();
    }
    let page = |before, limit| positions(store, &KeyEventFilter { before, limit, ..KeyEventFilter::default() });
    assert_eq!(page(None, 3), [7, 6, 5]);
    assert_eq!(page(Some(5), 3), [4, 3, 2]);
    assert_eq!(page(Some(2), 3), [1]);
    assert_eq!(page(Some(1), 3), [0_u64; 0]);
    assert_eq!(page(Some(0), 3), [0_u64; 0]);
    assert_eq!(page(Some(u64::MAX), 1), [7]);
    assert_eq!(page(None, 0), [0_u64; 0]);

    let of_key = KeyEventFilter { credential: Some(CredentialId::from_bits(KEY)), ..newest(2) };
    assert_eq!(positions(store, &of_key), [6, 4]);
    assert_eq!(positions(store, &KeyEventFilter { before: Some(4), ..of_key.clone() }), [2]);
    assert_eq!(positions(store, &KeyEventFilter { since: Some(at(5)), ..newest(10) }), [7, 6, 5]);
    assert_eq!(positions(store, &KeyEventFilter { since: Some(at(4)), limit: 10, ..of_key }), [6, 4]);
    assert_eq!(positions(store, &KeyEventFilter { since: Some(at(8)), ..newest(10) }), [0_u64; 0]);

    let many: Vec<KeyEvent> = (10..1100).map(|n| event(n, KEY, None, cooling(90))).collect();
    store.put_standings(&many).unwrap();
    assert_eq!(log(store, &newest(u32::MAX)).len(), 1000);
}

pub fn old_events_are_forgotten_and_positions_are_not_given_again(store: &dyn Store) {
    let batch = [
        event(1, 10, None, cooling(5)),
        event(2, 11, None, cooling(500)),
        event(3, 12, None, Standing::Exhausted { until: Some(at(5)) }),
        event(4, 13, None, Standing::Exhausted { until: None }),
        event(5, 14, None, Standing::Suspect),
        event(6, 15, None, cooling(6)),
    ];
    store.put_standings(&batch).unwrap();
    store.forget_key_events(at(6)).unwrap();
    assert_eq!(positions(store, &newest(10)), [6]);
    // What was over by itself goes; what lasts stays, however old.
    let left: Vec<_> = store.standings().unwrap().into_iter().map(|known| known.credential.bits()).collect();
    assert_eq!(left, [11, 13, 14, 15]);
    store.forget_key_events(at(7)).unwrap();
    assert_eq!(positions(store, &newest(10)), [0_u64; 0]);
    store.put_standings(&[event(8, KEY, None, cooling(90))]).unwrap();
    assert_eq!(positions(store, &newest(10)), [7]);
}

pub fn a_removed_key_leaves_its_events(store: &dyn Store) {
    let keys = [
        Change::PutProvider(provider(1, "openai")),
        Change::PutCredential(credential(KEY, 1, "primary")),
        Change::PutCredential(credential(OTHER, 1, "second")),
    ];
    store.commit(&keys, &audit(1)).unwrap();
    let events = [
        event(1, KEY, None, cooling(90)),
        event(2, KEY, Some("gpt-4o"), Standing::Suspect),
        event(3, OTHER, None, cooling(90)),
    ];
    store.put_standings(&events).unwrap();
    let removal = Change::RemoveCredential(CredentialId::from_bits(KEY));
    // A commit that fails as a whole takes no standing with it.
    let twice = [removal.clone(), removal.clone()];
    let refused = store.commit(&twice, &audit(2)).unwrap_err();
    assert!(matches!(refused, StoreError::Conflict(_)), "{refused}");
    assert_eq!(store.standings().unwrap().len(), 3);

    store.commit(&[removal], &audit(3)).unwrap();
    let left: Vec<_> = store.standings().unwrap().into_iter().map(|known| known.credential.bits()).collect();
    assert_eq!(left, [OTHER]);
    assert_eq!(positions(store, &newest(10)), [3, 2, 1]);
}

pub fn the_standings_of_a_key_with_models_have_a_limit(store: &dyn Store) {
    let limit = u64::from(MAX_MODELS_PER_KEY);
    // The key as a whole and another key are older than all, and stay.
    store.put_standings(&[event(0, KEY, None, cooling(90)), event(0, OTHER, Some("gpt-4o"), cooling(90))]).unwrap();
    let flood: Vec<KeyEvent> =
        (1..=limit + 5).map(|n| event(n, KEY, Some(&format!("model-{n}")), Standing::Suspect)).collect();
    store.put_standings(&flood).unwrap();
    let known = store.standings().unwrap();
    let models = known.iter().filter(|known| known.credential.bits() == KEY && known.model.is_some());
    let oldest = models.clone().map(|known| known.since).min().unwrap();
    assert_eq!((models.count(), known.len()), (usize::try_from(limit).unwrap(), usize::try_from(limit).unwrap() + 2));
    assert_eq!(oldest, at(6));
}
