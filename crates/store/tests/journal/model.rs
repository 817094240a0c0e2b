//! Random lives of a journal against a model of what must come out of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use keyward_domain::ledger::{AttemptOutcome, Entry};
use keyward_domain::port::{Journal, Journals, Store};
use keyward_store::journal::{FileJournals, Options};
use keyward_store::memory::MemoryStore;

use super::{open, quick};
use crate::support::row::{entry, request, subject};
use crate::support::{Collected, Home, Random};

const LIVES: u64 = 60;
const STEPS: u32 = 400;

/// What must be in the store at the end.
#[derive(Default)]
struct Model {
    open: Vec<u32>,
    settled: BTreeMap<u32, AttemptOutcome>,
    /// Since the last commit.
    new_reservations: Vec<u32>,
    new_settlements: Vec<u32>,
    /// Reserved, asked to be settled, in the order of the calls.
    next: u32,
}

impl Model {
    fn commit(&mut self) {
        self.open.append(&mut self.new_reservations);
        for n in self.new_settlements.drain(..) {
            self.open.retain(|open| *open != n);
            self.settled.insert(n, AttemptOutcome::Completed);
        }
    }

    fn crash(&mut self) {
        self.new_reservations.clear();
        self.new_settlements.clear();
        self.end();
    }

    /// Whoever opens the journal next makes rows of what is open.
    fn end(&mut self) {
        self.settled.extend(self.open.drain(..).map(|n| (n, AttemptOutcome::Unsettled)));
    }

    /// Some call that is reserved and not settled.
    fn under_way(&self, random: &mut Random) -> Option<u32> {
        let candidates: Vec<u32> = self.open.iter().chain(&self.new_reservations).copied().collect();
        let candidates: Vec<u32> = candidates.into_iter().filter(|n| !self.new_settlements.contains(n)).collect();
        let last = u64::try_from(candidates.len()).unwrap();
        (last > 0).then(|| candidates[usize::try_from(random.below(last)).unwrap()])
    }
}

#[test]
fn m07_random_lives_come_out_as_they_were_lived() {
    for seed in 0..LIVES {
        println!("seed {seed}");
        live(seed);
    }
}

fn live(seed: u64) {
    let home = Home::new();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let told = Collected::new();
    let mut random = Random::seeded(seed);
    let options = Options {
        segment_bytes: 200 + random.below(4000),
        queued_rows: usize::try_from(random.below(40)).unwrap(),
        batch_rows: 1 + usize::try_from(random.below(20)).unwrap(),
        project_after: Duration::from_micros(random.below(500)),
        observer: Some({
            let told = told.clone();
            Arc::new(move |entries: &[Entry]| told.add(entries.iter().map(|entry| entry.subject.attempt)))
        }),
        ..quick()
    };
    let mut model = Model::default();
    let mut journals = open(&home, &store, options.clone()).0;
    let mut writer = Journals::open(&journals, 0).unwrap();
    for _ in 0..STEPS {
        match random.below(100) {
            0 => {
                std::mem::forget(writer);
                drop(journals);
                model.crash();
                (journals, writer) = reopen(&home, &store, &options);
            }
            1 => {
                drop(writer);
                assert!(journals.close().unwrap().complete, "seed {seed}");
                drop(journals);
                model.commit();
                model.end();
                (journals, writer) = reopen(&home, &store, &options);
            }
            2 => {
                drop(writer);
                writer = Journals::open(&journals, 0).unwrap();
            }
            3..40 => {
                writer.reserve(&subject(model.next));
                model.new_reservations.push(model.next);
                model.next += 1;
            }
            40..75 => {
                if let Some(n) = model.under_way(&mut random) {
                    writer.settle(entry(n));
                    model.new_settlements.push(n);
                }
            }
            _ => {
                writer.commit().unwrap();
                model.commit();
            }
        }
    }
    drop(writer);
    let closed = journals.close().unwrap();
    model.commit();
    assert_eq!(closed.unsettled, model.open.len(), "seed {seed}");
    model.end();
    drop(journals);
    drop(open(&home, &store, options));
    check(seed, &model, store.as_ref());
    assert_eq!(home.segments(), [], "seed {seed}");
    let mut told = told.take();
    let times = told.len();
    told.sort();
    told.dedup();
    assert_eq!(told.len(), times, "seed {seed}: the observer heard of a row twice");
}

fn reopen(home: &Home, store: &Arc<dyn Store>, options: &Options) -> (FileJournals, Box<dyn Journal>) {
    let (journals, _) = open(home, store, options.clone());
    let writer = Journals::open(&journals, 0).unwrap();
    (journals, writer)
}

fn check(seed: u64, model: &Model, store: &dyn Store) {
    for n in 0..model.next {
        let row = store.request(request(n)).unwrap();
        let outcome = row.map(|row| row.attempts[0].outcome);
        assert_eq!(outcome, model.settled.get(&n).copied(), "seed {seed}, request {n}");
    }
    assert_eq!(store.ledger_totals().unwrap().entries, u64::try_from(model.settled.len()).unwrap(), "seed {seed}");
}
