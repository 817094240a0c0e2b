//! Serves calls until it is killed; the tests of the journal kill it. Not for people.
//!
//! `kill_target serve HOME SEED`: two workers reserve, have the provider bill, settle; a byte on stdout per call.
//! `kill_target full HOME`: goes on after the disk refused, and prints what became of each call.

use std::collections::VecDeque;
use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use keyward_domain::dialect::{Dialect, Operation};
use keyward_domain::ids::{CredentialId, ProviderId, RequestId, TenantId};
use keyward_domain::ledger::{AttemptId, AttemptOutcome, Entry, Subject};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::{Clock, Journals, Store};
use keyward_domain::time::Timestamp;
use keyward_domain::token::TokenId;
use keyward_domain::usage::{Usage, UsageSource};
use keyward_store::journal::{FileJournals, Options};
use keyward_store::memory::MemoryStore;
use keyward_store::sqlite::SqliteStore;

type Done = Result<(), Box<dyn Error + Send + Sync>>;

/// The same moment as the tests'.
const START: Timestamp = Timestamp::from_unix_millis(1_795_168_800_000);
/// What a call reserves; it is billed less.
const RESERVED: i64 = 5_000;
/// Calls that a worker has under way.
const UNDER_WAY: usize = 8;

fn main() -> Done {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["serve", home, seed] => serve(Path::new(home), seed.parse()?),
        ["full", home] => full(Path::new(home)),
        _ => Err("usage: kill_target serve HOME SEED | full HOME".into()),
    }
}

struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        START
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

fn options() -> Options {
    Options {
        segment_bytes: 64 * 1024,
        project_after: Duration::from_millis(2),
        flush_after: Duration::from_millis(2),
        batch_rows: 64,
        ..Options::default()
    }
}

fn serve(home: &Path, seed: u32) -> Done {
    let clock: Arc<dyn Clock> = Arc::new(StandingClock);
    let store = SqliteStore::open(&home.join("keyward.db"), clock.as_ref())?;
    let (journals, _) = FileJournals::open(&home.join("journal"), Arc::new(store), clock, options())?;
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2_u8)
            .map(|worker| {
                let journals = &journals;
                scope.spawn(move || work(home, journals, seed, worker))
            })
            .collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| "a worker died")?)
    })
}

fn work(home: &Path, journals: &FileJournals, seed: u32, worker: u8) -> Done {
    let mut journal = Journals::open(journals, usize::from(worker))?;
    let mut bill = append_to(home, "bill", seed, worker)?;
    let mut settled = append_to(home, "settled", seed, worker)?;
    let mut under_way = VecDeque::new();
    let mut random = u64::from(seed) * 2 + u64::from(worker) + 1;
    for n in 0.. {
        let subject = subject(seed, worker, n);
        journal.reserve(&subject);
        journal.commit()?;
        // From here on the provider may bill.
        let cost = Nanodollars(1 + i64::from(n % 4_999));
        let request = subject.attempt.request;
        bill.write_all(&[request.to_bytes().as_slice(), &cost.0.to_le_bytes()].concat())?;
        under_way.push_back(entry(subject, cost));
        while under_way.len() > next(&mut random) % UNDER_WAY {
            let ended: Vec<Entry> = under_way.drain(..=next(&mut random) % under_way.len()).collect();
            let requests: Vec<u8> = ended.iter().flat_map(|entry| entry.subject.attempt.request.to_bytes()).collect();
            for entry in ended {
                journal.settle(entry);
            }
            journal.commit()?;
            settled.write_all(&requests)?;
        }
        std::io::stdout().write_all(b".")?;
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn full(home: &Path) -> Done {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let (journals, _) = FileJournals::open(&home.join("journal"), store, Arc::new(StandingClock), Options::default())?;
    let mut journal = Journals::open(&journals, 0)?;
    let mut say = std::io::stdout();
    for n in 0..100 {
        let mut subject = subject(0, 0, n);
        subject.attempt.request = numbered(n);
        journal.reserve(&subject);
        if journal.commit().is_err() {
            writeln!(say, "refused {n}")?;
            continue;
        }
        writeln!(say, "sent {n}")?;
        journal.settle(entry(subject, Nanodollars(1_234)));
        if journal.commit().is_ok() {
            writeln!(say, "settled {n}")?;
        }
    }
    // Gone without a goodbye.
    std::mem::forget(journal);
    std::mem::forget(journals);
    Ok(())
}

fn append_to(home: &Path, kind: &str, seed: u32, worker: u8) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).open(home.join(format!("{kind}-{seed}-{worker}")))
}

fn subject(seed: u32, worker: u8, n: u32) -> Subject {
    let mut random = [worker; 10];
    random[..4].copy_from_slice(&n.to_be_bytes());
    random[4..8].copy_from_slice(&seed.to_be_bytes());
    Subject {
        attempt: AttemptId { request: RequestId::from_parts(START, random), number: 1 },
        at: START,
        tenant: TenantId::DEFAULT,
        virtual_key: TokenId::from_bits(1),
        provider: ProviderId::from_bits(2),
        provider_name: "sandbox".into(),
        credential: CredentialId::from_bits(3),
        credential_name: "primary".into(),
        requested_model: "fast".into(),
        model: "echo".into(),
        dialect: Dialect::OpenAi,
        operation: Operation::Chat,
        streamed: false,
        reserved: Some(Nanodollars(RESERVED)),
        price_version: "1".into(),
        attributed: None,
        trace: None,
        named: None,
    }
}

/// The id that the tests give the n-th request.
fn numbered(n: u32) -> RequestId {
    let mut random = [7; 10];
    random[..4].copy_from_slice(&n.to_be_bytes());
    RequestId::from_parts(START.plus(Duration::from_secs(n.into())), random)
}

fn entry(subject: Subject, cost: Nanodollars) -> Entry {
    Entry {
        subject,
        outcome: AttemptOutcome::Completed,
        status: 200,
        usage: Usage { input_uncached: 10, output: 20, ..Usage::default() },
        source: UsageSource::Provider,
        cost: Some(cost),
        raw_usage: None,
        duration: Duration::from_millis(3),
        first_content: None,
        overhead: Duration::from_micros(40),
    }
}

fn next(random: &mut u64) -> usize {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    usize::try_from(*random >> 40).unwrap_or_default()
}
