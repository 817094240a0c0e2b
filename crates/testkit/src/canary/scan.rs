//! One pass over the data for all forms of all secrets.

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::Canary;
use super::needle::{Encoding, FRAGMENT, needles};

/// Bytes read at a time from a file.
const CHUNK: usize = 1024 * 1024;

/// A secret where none may be. Shows where, never what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The slot of the secret that got out.
    pub slot: String,
    /// How it was written.
    pub encoding: Encoding,
    /// At which byte.
    pub offset: u64,
}

/// A [`Hit`] in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// In which file; for a file whose very name leaks, the offset counts in the name.
    pub path: PathBuf,
    /// What.
    pub hit: Hit,
}

/// Finds planted secrets. Building it is the expensive part; scanning is one pass.
#[derive(Debug)]
pub struct Scanner {
    slots: Vec<String>,
    by_start: HashMap<[u8; FRAGMENT], Vec<Needle>>,
    /// Whether any needle starts with bytes of this hash; spares most positions the map.
    starts: Vec<bool>,
    longest: usize,
}

#[derive(Debug)]
struct Needle {
    slot: usize,
    encoding: Encoding,
    bytes: Vec<u8>,
}

impl Scanner {
    /// Looks for these secrets.
    pub fn new(canaries: impl IntoIterator<Item = Canary>) -> Self {
        let mut scanner =
            Self { slots: Vec::new(), by_start: HashMap::new(), starts: vec![false; 1 << 16], longest: FRAGMENT };
        for canary in canaries {
            let slot = scanner.slots.len();
            scanner.slots.push(canary.slot().to_owned());
            for (encoding, bytes) in needles(canary.secret_part()) {
                let Some(start) = bytes.first_chunk::<FRAGMENT>().copied() else { continue };
                if let Some(mark) = scanner.starts.get_mut(start_hash(start)) {
                    *mark = true;
                }
                scanner.longest = scanner.longest.max(bytes.len());
                scanner.by_start.entry(start).or_default().push(Needle { slot, encoding, bytes });
            }
        }
        scanner
    }

    /// Every place in these bytes that holds a secret. A whole secret is reported once, not again for its beginning.
    pub fn scan(&self, data: &[u8]) -> Vec<Hit> {
        let mut hits = Vec::new();
        self.search(data, 0, 0, &mut hits);
        hits
    }

    /// The same for anything that can be read, of any length.
    pub fn scan_reader(&self, mut source: impl Read) -> io::Result<Vec<Hit>> {
        let mut hits = Vec::new();
        let mut held: Vec<u8> = Vec::new();
        let mut base = 0_u64;
        let mut fresh_from = 0_usize;
        loop {
            let before = held.len();
            let read = source.by_ref().take(CHUNK as u64).read_to_end(&mut held)?;
            if read == 0 {
                return Ok(hits);
            }
            self.search(&held, base, fresh_from, &mut hits);
            // The tail is searched again with what follows; needles that ended in it were reported already.
            let keep = (self.longest - 1).min(held.len());
            let gone = held.len() - keep;
            fresh_from = before + read - gone;
            base += gone as u64;
            held.drain(..gone);
        }
    }

    /// One file.
    pub fn scan_file(&self, path: &Path) -> io::Result<Vec<Hit>> {
        self.scan_reader(std::fs::File::open(path)?)
    }

    /// Every file below a directory, names included; links are not followed.
    pub fn scan_directory(&self, root: &Path) -> io::Result<Vec<Found>> {
        let mut found = Vec::new();
        let mut waiting = vec![root.to_path_buf()];
        while let Some(directory) = waiting.pop() {
            for entry in std::fs::read_dir(&directory)? {
                let entry = entry?;
                let path = entry.path();
                let name = entry.file_name();
                let mut hits = self.scan(name.as_encoded_bytes());
                let kind = entry.file_type()?;
                if kind.is_dir() {
                    waiting.push(path.clone());
                } else if kind.is_file() {
                    hits.extend(self.scan_file(&path)?);
                }
                found.extend(hits.into_iter().map(|hit| Found { path: path.clone(), hit }));
            }
        }
        Ok(found)
    }

    /// Fails the test if anything is found; says where, not what.
    ///
    /// # Panics
    /// If a secret is found.
    #[track_caller]
    pub fn assert_clean(&self, what: &str, data: &[u8]) {
        let hits = self.scan(data);
        assert!(hits.is_empty(), "secrets in {what}: {hits:?}");
    }

    /// Reports what starts in `data` and ends behind `fresh_from`.
    fn search(&self, data: &[u8], base: u64, fresh_from: usize, hits: &mut Vec<Hit>) {
        // A longer form at the same place or around this one covers its fragments.
        let mut covered_to = vec![0_usize; self.slots.len()];
        for (offset, window) in data.windows(FRAGMENT).enumerate() {
            let Some(start) = window.first_chunk::<FRAGMENT>() else { continue };
            if !self.starts.get(start_hash(*start)).copied().unwrap_or(false) {
                continue;
            }
            for needle in self.by_start.get(start).into_iter().flatten() {
                let end = offset + needle.bytes.len();
                if !data.get(offset..).is_some_and(|rest| rest.starts_with(&needle.bytes)) {
                    continue;
                }
                let Some(covered) = covered_to.get_mut(needle.slot) else { continue };
                if end <= *covered {
                    continue;
                }
                *covered = end;
                if end > fresh_from {
                    let slot = self.slots.get(needle.slot).cloned().unwrap_or_default();
                    hits.push(Hit { slot, encoding: needle.encoding, offset: base + offset as u64 });
                }
            }
        }
    }
}

fn start_hash(start: [u8; FRAGMENT]) -> usize {
    let mixed = u64::from_le_bytes(start).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
    usize::try_from(mixed).unwrap_or(0)
}
