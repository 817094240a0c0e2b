//! How fast the ledger takes rows: `cargo run --release -p keyward-store --example append`.
//!
//! Prints, for the store, rows per second and CPU per appended row in batches of several hundred, and for the journal
//! the time of one reservation, one settlement and their commits.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use keyward_domain::dialect::{Dialect, Operation};
use keyward_domain::ids::{CredentialId, ProviderId, RequestId, TenantId};
use keyward_domain::ledger::{AttemptId, AttemptOutcome, Entry, ReconcileQuery, Subject};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::{Clock, Journals, Store};
use keyward_domain::time::Timestamp;
use keyward_domain::token::TokenId;
use keyward_domain::usage::{Usage, UsageSource};
use keyward_store::journal::{FileJournals, Options};
use keyward_store::memory::MemoryStore;
use keyward_store::sqlite::SqliteStore;

const ROWS: u32 = 400_000;
const BATCH: usize = 500;
const CALLS: u32 = 32_000;
const PACED_CALLS: u32 = 10_000;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let home = folder.path().join("home");
    let clock: Arc<dyn Clock> = Arc::new(StandingClock);
    append(&home, &clock)?;
    commit(&home.join("one"), &clock, 1)?;
    commit(&home.join("eight"), &clock, 8)?;
    paced(&home.join("paced"), &clock)
}

/// Rows into SQLite, on this thread alone.
fn append(home: &Path, clock: &Arc<dyn Clock>) -> Result<(), Box<dyn Error>> {
    let store = SqliteStore::open(&home.join("keyward.db"), clock.as_ref())?;
    let rows: Vec<Entry> = (0..ROWS).map(entry).collect();
    let (started, cpu) = (Instant::now(), cpu_time()?);
    for batch in rows.chunks(BATCH) {
        store.append(batch, &[])?;
    }
    let (wall, cpu) = (started.elapsed(), cpu_time()?.saturating_sub(cpu));
    println!(
        "append: {ROWS} rows in batches of {BATCH}: {:.0} rows/s, {:.2} us CPU per row",
        f64::from(ROWS) / wall.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / f64::from(ROWS)
    );
    let begun = Instant::now();
    let (since, until) = (Timestamp::EPOCH, Timestamp::from_unix_millis(i64::MAX));
    let found = store.reconcile(&ReconcileQuery { since, until, everything: true })?;
    println!(
        "reconcile: {} rows and {} scopes in {:?}, {} differences",
        found.rows,
        found.scopes,
        begun.elapsed(),
        found.drifts.len()
    );
    let bytes = std::fs::metadata(home.join("keyward.db"))?.len();
    println!("append: {} bytes per row on the disk", bytes / u64::from(ROWS));
    Ok(())
}

/// Calls through the journal, `group` of them in one commit: reserve, commit, settle, commit.
fn commit(folder: &Path, clock: &Arc<dyn Clock>, group: u32) -> Result<(), Box<dyn Error>> {
    // The projector works on another core.
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let options = Options { batch_rows: BATCH, ..Options::default() };
    let (journals, _) = FileJournals::open(folder, store, clock.clone(), options)?;
    let mut journal = Journals::open(&journals, 0)?;
    let mut encoding = Duration::ZERO;
    let mut committing = Duration::ZERO;
    let timed = |sum: &mut Duration, begun: Instant| *sum += begun.elapsed();
    let rounds = CALLS / group;
    for round in 0..rounds {
        // As fast as a store takes rows, and not as fast as memory fills.
        while journals.status().queued_rows > BATCH {
            std::thread::yield_now();
        }
        // Made here and not beforehand, so that they are as fresh in the caches as on the request path.
        let calls: Vec<Entry> = (0..group).map(|call| entry(round * group + call)).collect();
        let begun = Instant::now();
        for call in &calls {
            journal.reserve(&call.subject);
        }
        timed(&mut encoding, begun);
        let begun = Instant::now();
        journal.commit()?;
        timed(&mut committing, begun);
        let begun = Instant::now();
        for call in calls {
            journal.settle(call);
        }
        timed(&mut encoding, begun);
        let begun = Instant::now();
        journal.commit()?;
        timed(&mut committing, begun);
    }
    println!(
        "journal, {group} calls per commit: {} ns per commit, {} ns to encode a reservation and its settlement",
        committing.as_nanos() / u128::from(2 * rounds),
        encoding.as_nanos() / u128::from(CALLS),
    );
    drop(journal);
    Ok(())
}

/// How long commits take while the flusher works on the same file: 2,000 calls per second for five seconds.
fn paced(folder: &Path, clock: &Arc<dyn Clock>) -> Result<(), Box<dyn Error>> {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let (journals, _) = FileJournals::open(folder, store, clock.clone(), Options::default())?;
    let mut journal = Journals::open(&journals, 0)?;
    let started = Instant::now();
    let mut lengths = Vec::new();
    for call in 0..PACED_CALLS {
        while started.elapsed() < Duration::from_micros(500) * call {
            std::hint::spin_loop();
        }
        let call = entry(call);
        journal.reserve(&call.subject);
        let begun = Instant::now();
        journal.commit()?;
        lengths.push(begun.elapsed());
        journal.settle(call);
        let begun = Instant::now();
        journal.commit()?;
        lengths.push(begun.elapsed());
    }
    lengths.sort();
    let at = |permille: usize| lengths.get(lengths.len() * permille / 1000).copied().unwrap_or_default();
    println!(
        "journal, 2,000 calls/s: commit p50 {:?}, p99 {:?}, p99.9 {:?}, longest {:?}",
        at(500),
        at(990),
        at(999),
        lengths.last().copied().unwrap_or_default()
    );
    drop(journal);
    Ok(())
}

struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(1_795_168_800_000)
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

/// CPU time of this thread so far.
fn cpu_time() -> Result<Duration, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = text.split_whitespace().next().ok_or("an empty schedstat")?;
    Ok(Duration::from_nanos(nanos.parse()?))
}

/// Traffic of a few keys and models at 2,000 requests per second.
fn entry(n: u32) -> Entry {
    let at = StandingClock.now().plus(Duration::from_micros(u64::from(n) * 500));
    let mut random = [1; 10];
    random[..8].copy_from_slice(&u64::from(n).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    let model: Arc<str> = ["gpt-4o-mini", "gpt-4o", "claude-sonnet-4-5"][usize::from(random[0] % 3)].into();
    Entry {
        subject: Subject {
            attempt: AttemptId { request: RequestId::from_parts(at, random), number: 1 },
            at,
            tenant: TenantId::DEFAULT,
            virtual_key: TokenId::from_bits(u64::from(random[1] % 5)),
            provider: ProviderId::from_bits(1),
            provider_name: "openai".into(),
            credential: CredentialId::from_bits(u128::from(random[2] % 2)),
            credential_name: "primary".into(),
            requested_model: model.clone(),
            model,
            dialect: Dialect::OpenAi,
            operation: Operation::Chat,
            streamed: random[3] % 2 == 0,
            reserved: Some(Nanodollars(12_345_678)),
            price_version: "2026-11-01".into(),
            attributed: None,
            trace: None,
            named: None,
        },
        outcome: AttemptOutcome::Completed,
        status: 200,
        usage: Usage {
            input_uncached: u64::from(n % 2000),
            cache_read: u64::from(random[4]),
            output: u64::from(n % 700),
            ..Usage::default()
        },
        source: UsageSource::Provider,
        cost: Some(Nanodollars(i64::from(n % 100_000))),
        raw_usage: Some(
            r#"{"prompt_tokens":1200,"completion_tokens":340,"total_tokens":1540,"prompt_tokens_details":{"cached_tokens":128,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}"#.into(),
        ),
        duration: Duration::from_micros(1_200_000 + u64::from(n % 10_000)),
        first_content: Some(Duration::from_millis(250)),
        overhead: Duration::from_micros(60),
    }
}
