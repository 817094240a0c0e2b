//! What the tests of this crate share.

pub mod faulty;
pub mod pool;
pub mod record;
pub mod row;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keyward_domain::port::Clock;
use keyward_domain::time::Timestamp;

/// 2026-11-20T10:00:00Z, a full hour.
pub const START: Timestamp = Timestamp::from_unix_millis(1_795_168_800_000);

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    pub fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(START.unix_millis())))
    }

    pub fn advance(&self, length: Duration) {
        self.0.fetch_add(i64::try_from(length.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.0.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        self.now().since(START)
    }
}

/// A home that goes away with the test.
pub struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    pub fn new() -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap() };
        DirBuilder::new().mode(0o700).create(home.path()).unwrap();
        home
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub fn database(&self) -> PathBuf {
        self.path().join("keyward.db")
    }

    pub fn journal(&self) -> PathBuf {
        self.path().join("journal")
    }

    /// The segment files, with their lengths.
    pub fn segments(&self) -> Vec<(PathBuf, u64)> {
        let mut found: Vec<_> = std::fs::read_dir(self.journal())
            .unwrap()
            .map(|file| file.unwrap())
            .filter(|file| file.file_name().to_string_lossy().ends_with(".kwj"))
            .map(|file| (file.path(), file.metadata().unwrap().len()))
            .collect();
        found.sort();
        found
    }
}

/// Small pseudo-random numbers that a printed seed brings back.
pub struct Random(u64);

impl Random {
    pub fn seeded(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }
}

/// Something that a callback collects.
pub struct Collected<T>(Mutex<Vec<T>>);

impl<T> Collected<T> {
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Vec::new())))
    }

    pub fn add(&self, items: impl IntoIterator<Item = T>) {
        self.0.lock().unwrap().extend(items);
    }

    pub fn take(&self) -> Vec<T> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}
