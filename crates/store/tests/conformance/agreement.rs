//! Both stores, led through the same long and random history of a pool, answer alike at every step.

use keyward_domain::ids::CredentialId;
use keyward_domain::lease::LeaseState;
use keyward_domain::port::{Store, StoreError};
use keyward_domain::standing::{KeyEvent, KeyEventFilter, Standing};
use keyward_store::memory::MemoryStore;
use keyward_store::sqlite::SqliteStore;

use crate::support::pool::{at, binding, cooling, event, lease, over};
use crate::support::record::audit;
use crate::support::{Home, ManualClock, Random};

const STEPS: u64 = 400;

#[test]
fn both_stores_remember_alike() {
    for seed in 1..=5 {
        println!("seed {seed}");
        let home = Home::new();
        let sqlite = SqliteStore::open(&home.database(), ManualClock::new().as_ref()).unwrap();
        let memory = MemoryStore::new();
        let mut random = Random::seeded(seed);
        let mut unacknowledged = Vec::new();
        for step in 0..STEPS {
            take_step(&mut random, step, &mut unacknowledged, [&sqlite, &memory]);
            compare(&mut random, [&sqlite, &memory]);
        }
    }
}

fn take_step(random: &mut Random, step: u64, unacknowledged: &mut Vec<KeyEvent>, stores: [&dyn Store; 2]) {
    let now = step / 4;
    match random.below(8) {
        0..=2 => {
            let batch: Vec<KeyEvent> = (0..random.below(4)).map(|_| any_event(random, now)).collect();
            unacknowledged.extend(batch.iter().cloned());
            each(stores, |store| store.put_standings(&batch));
        }
        3 => {
            each(stores, |store| store.put_standings(unacknowledged));
            unacknowledged.clear();
        }
        4 | 5 => {
            let batch = [0; 3].map(|_| binding(random.below(20).into(), random.below(3).into(), random.below(now + 1)));
            each(stores, |store| store.put_bindings(&batch));
        }
        6 => {
            let taken = lease(random.below(30));
            let wanted = match LeaseState::ALL[usize::try_from(random.below(4)).unwrap()] {
                LeaseState::Open => taken,
                ended => over(&taken, ended, "it ended"),
            };
            let draft = audit(step.into());
            let [one, other] = stores.map(|store| store.put_lease(&wanted, Some(&draft)).map_err(|e| e.to_string()));
            assert_eq!(one, other);
        }
        _ => {
            let before = at(now.saturating_sub(random.below(60)));
            each(stores, |store| store.forget_key_events(before));
            each(stores, |store| store.forget_bindings(before));
            each(stores, |store| store.forget_leases(before));
        }
    }
}

fn each(stores: [&dyn Store; 2], act: impl Fn(&dyn Store) -> Result<(), StoreError>) {
    for store in stores {
        act(store).unwrap();
    }
}

fn any_event(random: &mut Random, now: u64) -> KeyEvent {
    let model = [None, Some("gpt-4o"), Some("o3")][usize::try_from(random.below(3)).unwrap()];
    let standing = match random.below(5) {
        0 | 1 => Standing::Active,
        2 => cooling(now + random.below(20)),
        3 => Standing::Exhausted { until: (random.below(2) == 0).then(|| at(now + 30)) },
        _ => Standing::Suspect,
    };
    event(now, random.below(4).into(), model, standing)
}

fn compare(random: &mut Random, stores: [&dyn Store; 2]) {
    let [one, other] = stores;
    assert_eq!(one.standings().unwrap(), other.standings().unwrap());
    let filter = KeyEventFilter {
        credential: (random.below(2) == 0).then(|| CredentialId::from_bits(random.below(4).into())),
        before: (random.below(2) == 0).then(|| random.below(200)),
        since: (random.below(2) == 0).then(|| at(random.below(100))),
        limit: u32::try_from(random.below(30)).unwrap(),
    };
    assert_eq!(one.key_events(&filter).unwrap(), other.key_events(&filter).unwrap(), "{filter:?}");
    let limit = u32::try_from(random.below(30)).unwrap();
    assert_eq!(one.bindings(limit).unwrap(), other.bindings(limit).unwrap());
    assert_eq!(one.open_leases().unwrap(), other.open_leases().unwrap());
    let id = lease(random.below(30)).id;
    assert_eq!(one.lease(id).unwrap(), other.lease(id).unwrap());
    assert_eq!(one.audit(None, 1000).unwrap(), other.audit(None, 1000).unwrap());
}
