//! kill -9 under load: the example `kill_target` serves calls until it is killed, next to a provider that keeps its own
//! bill in a file. Whatever the moment, the ledger is never below that bill, and what is above it says so.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use keyward_domain::ids::RequestId;
use keyward_domain::ledger::AttemptOutcome;
use keyward_domain::port::{Clock, Store};
use keyward_store::journal::{FileJournals, Recovered};
use keyward_store::sqlite::SqliteStore;

use super::quick;
use crate::support::{Home, ManualClock, Random};

const KILLS: u64 = 25;
/// A child writes a byte for every call; it is killed after at most so many.
const MOST_CALLS: u64 = 3000;

/// The example's binary, which `cargo test` and `cargo nextest` build along with the tests.
pub fn example() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests.parent().and_then(Path::parent).unwrap().join("examples").join("kill_target");
    assert!(path.exists(), "{} is missing: run `cargo build -p keyward-store --examples`", path.display());
    path
}

#[test]
fn m07_the_ledger_is_never_below_the_bill_after_kill_9() {
    let home = Home::new();
    let mut billed = HashMap::new();
    let mut settled = 0;
    let mut recovered_in_all = Recovered::default();
    for seed in 0..KILLS {
        let calls = if seed % 5 == 4 { 0 } else { Random::seeded(seed).below(MOST_CALLS) };
        println!("seed {seed}: killed after {calls} calls");
        run_and_kill(&home, seed, calls);

        let clock: Arc<dyn Clock> = ManualClock::new();
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&home.database(), clock.as_ref()).unwrap());
        let (journals, recovered) = FileJournals::open(&home.journal(), store.clone(), clock, quick()).unwrap();
        recovered_in_all.replayed += recovered.replayed;
        recovered_in_all.unsettled += recovered.unsettled;
        for (request, cost) in bill(&home, seed) {
            billed.insert(request, cost);
            let attempts = store.request(request).unwrap().unwrap_or_else(|| panic!("{request} has no row")).attempts;
            assert_eq!(attempts.len(), 1, "seed {seed}, {request}");
            let charged = attempts[0].cost.unwrap().0;
            match attempts[0].outcome {
                AttemptOutcome::Completed => assert_eq!(charged, cost, "seed {seed}, {request}"),
                AttemptOutcome::Unsettled => assert!(charged >= cost, "seed {seed}, {request}: {charged} < {cost}"),
                other => panic!("seed {seed}, {request}: {other:?}"),
            }
        }
        for request in acknowledged(&home, seed) {
            settled += 1;
            let attempts = store.request(request).unwrap().unwrap().attempts;
            assert_eq!(attempts[0].outcome, AttemptOutcome::Completed, "seed {seed}, {request} was acknowledged");
        }
        let totals = store.ledger_totals().unwrap();
        let bill: i64 = billed.values().sum();
        assert!(totals.cost.0 >= bill, "seed {seed}: the ledger says {}, the bill {bill}", totals.cost.0);
        // Every call is in at most one row, and every row that is no billed call says that nobody knows.
        assert!(totals.entries - totals.unsettled <= u64::try_from(billed.len()).unwrap(), "seed {seed}");
        assert!(journals.close().unwrap().complete);
    }
    println!("{} calls billed, {settled} acknowledged, {recovered_in_all:?}", billed.len());
    assert!(settled > 1000 && recovered_in_all.replayed > 0 && recovered_in_all.unsettled > 0);
}

fn run_and_kill(home: &Home, seed: u64, calls: u64) {
    let mut child = Command::new(example())
        .args(["serve", home.path().to_str().unwrap(), &seed.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut calls_seen = child.stdout.take().unwrap().take(calls);
    std::io::copy(&mut calls_seen, &mut std::io::sink()).unwrap();
    child.kill().unwrap();
    let ended = child.wait().unwrap();
    assert!(ended.code().is_none(), "seed {seed}: it ended by itself: {ended}");
}

/// What the provider billed: 16 bytes of id and 8 of nano-dollars per call, whole records only.
fn bill(home: &Home, seed: u64) -> Vec<(RequestId, i64)> {
    records::<24>(home, "bill", seed)
        .map(|record| {
            let (id, cost) = record.split_at(16);
            (RequestId::from_bytes(id.try_into().unwrap()), i64::from_le_bytes(cost.try_into().unwrap()))
        })
        .collect()
}

/// The calls whose settlement was committed.
fn acknowledged(home: &Home, seed: u64) -> Vec<RequestId> {
    records::<16>(home, "settled", seed).map(RequestId::from_bytes).collect()
}

fn records<const N: usize>(home: &Home, kind: &str, seed: u64) -> impl Iterator<Item = [u8; N]> {
    let mut bytes = Vec::new();
    for worker in 0..2 {
        let path = home.path().join(format!("{kind}-{seed}-{worker}"));
        let mut of_worker = std::fs::read(path).unwrap_or_default();
        of_worker.truncate(of_worker.len() / N * N);
        bytes.extend(of_worker);
    }
    let records: Vec<[u8; N]> = bytes.chunks_exact(N).map(|chunk| chunk.try_into().unwrap()).collect();
    records.into_iter()
}
