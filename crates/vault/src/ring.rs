//! The key ring: the keys of the whole installation, each random, each with a version, sealed together under the root
//! key.
//!
//! ```text
//! body      = u8 0x01 || u64be generation || envelope
//! plaintext = LP("kw-ring-v1") u32be count, then for each: LP(purpose) u32be version u8 active key(32B)
//! ctx       : tenant "", table "keyring", record "ring", field "keyring", version generation, key_id 1
//! ```

use keyward_domain::ids::InstallId;
use keyward_domain::port::{Entropy, VaultRecord};
use zeroize::Zeroizing;

use crate::context::{Context, destination_hash};
use crate::envelope;
use crate::error::{Fault, VaultError};
use crate::key::{KEY_LEN, Key};
use crate::lp::{self, Reader};

pub(crate) const KIND: &str = "keyring";
pub(crate) const ID: &str = "ring";

const FORMAT: u8 = 1;
const ROOT_KEY_ID: u32 = 1;
/// Sixteen keys of 32 bytes fit the ring many times over; more is not a ring.
const MAX_KEYS: u32 = 512;

/// What a key of the ring is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Purpose {
    /// Wraps tenant keys.
    Kek,
    /// Hashes tokens.
    Pepper,
    /// Audit chain and masked audit values.
    AuditMac,
    /// Signs audit checkpoints (Ed25519 seed).
    AuditSign,
    /// Finds duplicates of a secret.
    BlindIndex,
    /// Hashes session ids.
    SessionMac,
    /// Pagination cursors and signed URLs.
    CursorMac,
    /// Rows that grant power.
    RowMac,
}

impl Purpose {
    const ALL: [Self; 8] = [
        Self::Kek,
        Self::Pepper,
        Self::AuditMac,
        Self::AuditSign,
        Self::BlindIndex,
        Self::SessionMac,
        Self::CursorMac,
        Self::RowMac,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Kek => "KEK",
            Self::Pepper => "VK_PEPPER",
            Self::AuditMac => "AUDIT_MAC",
            Self::AuditSign => "AUDIT_SIGN",
            Self::BlindIndex => "BLIND_INDEX",
            Self::SessionMac => "SESSION_MAC",
            Self::CursorMac => "CURSOR_MAC",
            Self::RowMac => "ROWMAC",
        }
    }
}

/// All keys of the installation.
pub(crate) struct KeyRing {
    generation: u64,
    keys: Vec<RingKey>,
}

struct RingKey {
    purpose: Purpose,
    version: u32,
    active: bool,
    key: Key,
}

impl KeyRing {
    /// A ring with one fresh key for each purpose.
    pub(crate) fn mint(entropy: &dyn Entropy) -> Result<Self, VaultError> {
        let keys = Purpose::ALL
            .into_iter()
            .map(|purpose| Ok(RingKey { purpose, version: 1, active: true, key: Key::mint(entropy)? }))
            .collect::<Result<_, VaultError>>()?;
        Ok(Self { generation: 1, keys })
    }

    /// The key for new work.
    pub(crate) fn active(&self, purpose: Purpose) -> Result<(u32, &Key), VaultError> {
        self.keys
            .iter()
            .find(|entry| entry.purpose == purpose && entry.active)
            .map(|entry| (entry.version, &entry.key))
            .ok_or(VaultError::Integrity(Fault::UnknownKey))
    }

    /// The key of one version.
    pub(crate) fn find(&self, purpose: Purpose, version: u32) -> Option<&Key> {
        self.keys.iter().find(|entry| entry.purpose == purpose && entry.version == version).map(|entry| &entry.key)
    }

    /// Every version, the active one first.
    pub(crate) fn versions(&self, purpose: Purpose) -> impl Iterator<Item = (u32, &Key)> {
        let of_purpose = move |active: bool| {
            self.keys
                .iter()
                .filter(move |entry| entry.purpose == purpose && entry.active == active)
                .map(|entry| (entry.version, &entry.key))
        };
        of_purpose(true).chain(of_purpose(false))
    }

    /// Grows with every change of the ring.
    pub(crate) const fn generation(&self) -> u64 {
        self.generation
    }

    /// The ring sealed under the root key.
    pub(crate) fn seal(
        &self,
        install: InstallId,
        root: &Key,
        entropy: &dyn Entropy,
    ) -> Result<VaultRecord, VaultError> {
        let plaintext = self.encode();
        let sealed =
            with_context(install, self.generation, |context| envelope::seal(root, context, &plaintext, entropy))?;
        let mut body = vec![FORMAT];
        body.extend_from_slice(&self.generation.to_be_bytes());
        body.extend_from_slice(&sealed);
        Ok(VaultRecord { kind: KIND.to_owned(), id: ID.to_owned(), body })
    }

    /// Opens a sealed ring.
    pub(crate) fn open(install: InstallId, root: &Key, record: &VaultRecord) -> Result<Self, VaultError> {
        let mut reader = Reader::new(&record.body);
        match reader.u8() {
            Some(FORMAT) => {}
            Some(_) => return Err(VaultError::UnsupportedVersion),
            None => return Err(VaultError::Integrity(Fault::Form)),
        }
        let generation = reader.u64().ok_or(VaultError::Integrity(Fault::Form))?;
        let sealed = reader.rest();
        let plaintext = with_context(install, generation, |context| envelope::open(root, context, sealed))?;
        Self::decode(generation, &plaintext).filter(Self::is_complete).ok_or(VaultError::Integrity(Fault::Content))
    }

    fn encode(&self) -> Zeroizing<Vec<u8>> {
        // The capacity is final (64 bytes hold any entry), so that no reallocation leaves keys behind.
        let mut out = Zeroizing::new(Vec::with_capacity(64 + self.keys.len() * 64));
        lp::put(&mut out, b"kw-ring-v1");
        out.extend_from_slice(&u32::try_from(self.keys.len()).unwrap_or(u32::MAX).to_be_bytes());
        for entry in &self.keys {
            lp::put(&mut out, entry.purpose.as_str().as_bytes());
            out.extend_from_slice(&entry.version.to_be_bytes());
            out.push(u8::from(entry.active));
            out.extend_from_slice(entry.key.bytes());
        }
        out
    }

    fn decode(generation: u64, plaintext: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(plaintext);
        if reader.field()? != b"kw-ring-v1" {
            return None;
        }
        let count = reader.u32().filter(|count| *count <= MAX_KEYS)?;
        let mut keys = Vec::new();
        for _ in 0..count {
            let name = reader.text()?;
            let purpose = Purpose::ALL.into_iter().find(|purpose| purpose.as_str() == name)?;
            let version = reader.u32()?;
            let active = match reader.u8()? {
                0 => false,
                1 => true,
                _ => return None,
            };
            keys.push(RingKey { purpose, version, active, key: Key::from_slice(reader.take(KEY_LEN)?)? });
        }
        reader.end()?;
        Some(Self { generation, keys })
    }

    /// Exactly one active key for each purpose, and no version twice.
    fn is_complete(&self) -> bool {
        let one_active =
            |purpose| self.keys.iter().filter(|entry| entry.purpose == purpose && entry.active).count() == 1;
        let mut versions: Vec<_> = self.keys.iter().map(|entry| (entry.purpose, entry.version)).collect();
        versions.sort_unstable();
        versions.dedup();
        Purpose::ALL.into_iter().all(one_active) && versions.len() == self.keys.len()
    }
}

fn with_context<T>(
    install: InstallId,
    generation: u64,
    use_it: impl FnOnce(&Context<'_>) -> Result<T, VaultError>,
) -> Result<T, VaultError> {
    use_it(&Context {
        install: &install.to_string(),
        tenant: "",
        table: KIND,
        record: ID,
        field: "keyring",
        version: generation,
        key_id: ROOT_KEY_ID,
        binding: destination_hash(&[]),
    })
}
