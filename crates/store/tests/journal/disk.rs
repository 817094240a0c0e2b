//! A disk that does not take bytes.

use std::process::Command;
use std::sync::Arc;

use keyward_domain::port::{Journals, Store};
use keyward_store::journal::{Closed, Options};
use keyward_store::memory::MemoryStore;

use super::kill::example;
use super::{open, quick};
use crate::support::Home;
use crate::support::row::{entry, request, subject};

#[test]
fn m07_a_failed_commit_keeps_settlements_and_drops_reservations() {
    let home = Home::new();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    // Every commit needs a new file, so a folder that is away makes commits fail.
    let (journals, _) = open(&home, &store, Options { segment_bytes: 1, ..quick() });
    let mut writer = Journals::open(&journals, 0).unwrap();
    writer.reserve(&subject(1));
    writer.commit().unwrap();
    let away = home.path().join("away");
    std::fs::rename(home.journal(), &away).unwrap();
    writer.settle(entry(1));
    writer.reserve(&subject(2));
    assert!(writer.commit().is_err());
    writer.reserve(&subject(3));
    assert!(writer.commit().is_err());
    std::fs::rename(&away, home.journal()).unwrap();
    writer.reserve(&subject(4));
    writer.commit().unwrap();
    std::mem::forget(writer);
    drop(journals);

    let (_, _) = open(&home, &store, quick());
    assert_eq!(store.request(request(1)).unwrap().unwrap().attempts, [entry(1)]);
    assert!(store.request(request(2)).unwrap().is_none(), "it was never sent");
    assert!(store.request(request(3)).unwrap().is_none(), "it was never sent");
    assert!(store.request(request(4)).unwrap().is_some());
}

#[test]
fn a_writer_that_cannot_commit_goes_on_when_it_can() {
    let home = Home::new();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let (journals, _) = open(&home, &store, Options { segment_bytes: 1, ..quick() });
    let mut writer = Journals::open(&journals, 0).unwrap();
    let away = home.path().join("away");
    std::fs::rename(home.journal(), &away).unwrap();
    for n in 0..100 {
        writer.reserve(&subject(n));
        writer.settle(entry(n));
        assert!(writer.commit().is_err());
    }
    std::fs::rename(&away, home.journal()).unwrap();
    writer.commit().unwrap();
    drop(writer);
    assert_eq!(journals.close().unwrap(), Closed { projected: 100, complete: true, unsettled: 0 });
    assert_eq!(store.ledger_totals().unwrap().entries, 100);
}

/// The example writes under a limit on the size of files, so that a commit is written half before the system refuses
/// the rest, and prints what became of each call.
#[test]
fn m07_a_commit_that_is_written_half_is_taken_back() {
    let home = Home::new();
    let script = format!("trap '' XFSZ; ulimit -f 8; exec '{}' full '{}'", example().display(), home.path().display());
    let output = Command::new("sh").arg("-c").arg(script).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let with = |word: &str| -> Vec<u32> {
        said.lines().filter_map(|line| line.strip_prefix(word)).map(|n| n.trim().parse().unwrap()).collect()
    };
    let (settled, sent, refused) = (with("settled "), with("sent "), with("refused "));
    assert!(settled.len() > 3 && refused.len() > 3, "{said}");

    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let (_, recovered) = open(&home, &store, quick());
    assert_eq!(recovered.torn_bytes, 0, "no half of a commit is left");
    for n in settled {
        assert_eq!(store.request(request(n)).unwrap().unwrap().attempts[0].cost, entry(n).cost);
    }
    for n in sent {
        assert!(store.request(request(n)).unwrap().is_some(), "{n} was sent");
    }
    for n in refused {
        assert!(store.request(request(n)).unwrap().is_none(), "{n} was never sent");
    }
}
