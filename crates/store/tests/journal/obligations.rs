//! What the ledger owes whoever relies on it, whatever happens to the process or the disk. Tests carry the
//! number of the obligation (`ob05`).

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use keyward_domain::ledger::{AttemptOutcome, Entry, ReconcileQuery};
use keyward_domain::port::{Journals, Store};
use keyward_domain::time::Timestamp;
use keyward_store::journal::{Closed, OpenError, Options};
use keyward_store::sqlite::SqliteStore;

use super::{open, quick, try_open};
use crate::support::row::{RESERVED, entry, request, subject};
use crate::support::{Home, ManualClock, Random};

fn sqlite(home: &Home) -> Arc<dyn Store> {
    Arc::new(SqliteStore::open(&home.database(), ManualClock::new().as_ref()).unwrap())
}

fn assert_no_drift(store: &dyn Store) {
    let until = Timestamp::from_unix_millis(i64::MAX);
    let found = store.reconcile(&ReconcileQuery { since: Timestamp::EPOCH, until, everything: true }).unwrap();
    assert_eq!(found.drifts, []);
}

#[test]
fn ob05_after_a_restart_every_open_hold_is_terminal_and_stays_so() {
    for seed in 1..=20 {
        println!("seed {seed}");
        let home = Home::new();
        let store = sqlite(&home);
        let (journals, _) = open(&home, &store, quick());
        let mut random = Random::seeded(seed);
        let mut writers: Vec<_> = (0..3).map(|number| Journals::open(&journals, number).unwrap()).collect();
        let (mut reserved, mut settled) = (HashSet::new(), HashSet::new());
        for n in 0..60 {
            let writer = &mut writers[usize::try_from(n % 3).unwrap()];
            writer.reserve(&subject(n));
            reserved.insert(n);
            if random.below(3) > 0 {
                writer.settle(entry(n));
                settled.insert(n);
            }
            if random.below(2) == 0 {
                writer.commit().unwrap();
            }
        }
        for writer in &mut writers {
            writer.commit().unwrap();
        }
        // The process is gone without a goodbye; nobody else may take over before that.
        assert!(matches!(try_open(&home, &store, quick()), Err(OpenError::Locked(_))));
        writers.into_iter().for_each(std::mem::forget);
        drop(journals);

        let (journals, recovered) = open(&home, &store, quick());
        let left = u64::try_from(reserved.len() - settled.len()).unwrap();
        assert_eq!(recovered.unsettled, left, "no hold is left open");
        for n in &reserved {
            let attempts = store.request(request(*n)).unwrap().unwrap().attempts;
            let (outcome, cost) = (attempts[0].outcome, attempts[0].cost);
            let expected = if settled.contains(n) {
                (AttemptOutcome::Completed, entry(*n).cost)
            } else {
                (AttemptOutcome::Unsettled, Some(RESERVED))
            };
            assert_eq!((attempts.len(), outcome, cost), (1, expected.0, expected.1));
        }
        assert_no_drift(store.as_ref());
        // A settlement that comes late, from whoever knew the attempt, changes nothing: the first end counts.
        let late: Vec<Entry> = reserved.iter().map(|n| entry(*n)).collect();
        let before = store.ledger_totals().unwrap();
        assert!(store.append(&late, &[]).unwrap().iter().all(|is_new| !is_new));
        assert_eq!(journals.close().unwrap(), Closed { projected: 0, complete: true, unsettled: 0 });
        drop(journals);
        let (_, again) = open(&home, &store, quick());
        assert_eq!((again.replayed, again.unsettled), (0, 0));
        assert_eq!(store.ledger_totals().unwrap(), before);
        assert_no_drift(store.as_ref());
    }
}

/// How often the disk was asked since it is broken.
static ASKED: AtomicU32 = AtomicU32::new(0);

fn broken_disk(_: &File) -> io::Result<()> {
    ASKED.fetch_add(1, Ordering::SeqCst);
    Err(io::Error::from_raw_os_error(5))
}

#[test]
fn ob14_a_failed_fsync_is_never_repeated_and_stops_the_ledger() {
    let home = Home::new();
    let store = sqlite(&home);
    let (journals, _) = open(&home, &store, Options { sync_data: broken_disk, ..quick() });
    let mut writer = Journals::open(&journals, 0).unwrap();
    writer.reserve(&subject(1));
    writer.reserve(&subject(2));
    writer.commit().unwrap();
    // The flusher may have been first; either way whoever waits for the disk is told.
    let refused = writer.syncer().sync().unwrap_err().to_string();
    assert!(refused.contains("start Keyward again"), "{refused}");
    assert_eq!(ASKED.load(Ordering::SeqCst), 1, "asked once");

    // Nothing is sent on the strength of this ledger any more, and nobody asks the disk again.
    for n in 3..20 {
        writer.reserve(&subject(n));
        assert!(writer.commit().is_err());
        assert!(writer.syncer().sync().is_err());
    }
    // What had ended meanwhile is still brought to the store, which has a file of its own.
    writer.settle(entry(1));
    assert!(writer.commit().is_err());
    assert_eq!(ASKED.load(Ordering::SeqCst), 1, "a failed fsync is never repeated");
    assert!(journals.status().broken.is_some());
    std::mem::forget(writer);
    drop(journals);

    // The next process replays: what was reserved before is explicit, what was refused was never there.
    let (journals, recovered) = open(&home, &store, quick());
    assert!((1..=2).contains(&recovered.unsettled), "{recovered:?}");
    let outcome = |n| store.request(request(n)).unwrap().map(|row| row.attempts[0].outcome);
    assert!(matches!(outcome(1), Some(AttemptOutcome::Completed | AttemptOutcome::Unsettled)));
    assert_eq!(outcome(2), Some(AttemptOutcome::Unsettled));
    assert!((3..20).all(|n| outcome(n).is_none()));
    let mut writer = Journals::open(&journals, 0).unwrap();
    writer.reserve(&subject(30));
    writer.commit().unwrap();
    writer.syncer().sync().unwrap();
    assert_no_drift(store.as_ref());
}
