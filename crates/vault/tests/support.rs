//! Chance that repeats itself, and vaults in temporary folders.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use keyward_domain::ids::{CredentialId, InstallId, TenantId};
use keyward_domain::origin::{BaseUrl, Origin};
use keyward_domain::port::{Entropy, EntropyError, VaultRecord};
use keyward_domain::secret::Secret;
use keyward_domain::time::Timestamp;
use keyward_vault::{Fault, RootHolder, Vault, VaultError, create_key_file};
use tempfile::TempDir;

pub(crate) const INSTALL: InstallId = InstallId::from_bits(7);
pub(crate) const NOW: Timestamp = Timestamp::from_unix_millis(1_760_000_000_000);

/// Every buffer is 00 01 02 ...: what the published vectors are made with.
pub(crate) struct Ascending;

impl Entropy for Ascending {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        buffer.iter_mut().zip(0_u8..).for_each(|(slot, byte)| *slot = byte);
        Ok(())
    }
}

/// A different stream for each seed (SplitMix64).
pub(crate) struct Seeded(AtomicU64);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Entropy for Seeded {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        for chunk in buffer.chunks_mut(8) {
            let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).wrapping_add(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_be_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

/// No chance at all.
pub(crate) struct Empty;

impl Entropy for Empty {
    fn fill(&self, _: &mut [u8]) -> Result<(), EntropyError> {
        Err(EntropyError)
    }
}

/// A founded vault with its key file.
pub(crate) struct Room {
    pub(crate) folder: TempDir,
    pub(crate) vault: Vault,
    pub(crate) records: Vec<VaultRecord>,
    pub(crate) entropy: Seeded,
}

impl Room {
    pub(crate) fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let entropy = Seeded::new(seed);
        let holder = RootHolder::KeyFile(folder.path().join("root.key"));
        create_key_file(&folder.path().join("root.key"), &entropy).unwrap();
        let (vault, records) = Vault::found(INSTALL, &holder, &entropy, NOW).unwrap();
        Self { folder, vault, records, entropy }
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.folder.path().join("root.key")
    }

    pub(crate) fn holder(&self) -> RootHolder {
        RootHolder::KeyFile(self.key_file())
    }

    /// A further key file with another key in it.
    pub(crate) fn other_key_file(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        create_key_file(&path, &self.entropy).unwrap();
        path
    }

    pub(crate) fn reopened(&self) -> Vault {
        let vault = Vault::from_records(INSTALL, &self.records).unwrap();
        vault.unlock(&self.holder()).unwrap();
        vault
    }

    pub(crate) fn record(&mut self, kind: &str) -> &mut VaultRecord {
        self.records.iter_mut().find(|record| record.kind == kind).unwrap()
    }
}

pub(crate) fn origin(url: &str) -> Origin {
    url.parse::<BaseUrl>().unwrap().origin
}

pub(crate) fn place(destination: &Origin) -> keyward_vault::Place<'_> {
    keyward_vault::Place::of_provider_key(TenantId::DEFAULT, CredentialId::from_bits(1), 1, destination)
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::from(text.to_owned())
}

#[expect(clippy::needless_pass_by_value, reason = "reads better at the call")]
pub(crate) fn is_integrity<T>(result: Result<T, VaultError>) -> bool {
    matches!(result, Err(VaultError::Integrity(_)))
}

#[expect(clippy::needless_pass_by_value, reason = "reads better at the call")]
pub(crate) fn fault<T>(result: Result<T, VaultError>) -> Option<Fault> {
    match result {
        Err(VaultError::Integrity(fault)) => Some(fault),
        _ => None,
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from_digit(digit.into(), 16).unwrap())
        .collect()
}
