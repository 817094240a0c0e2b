//! Keyslots: each holds the root key, sealed for one holder; any one of them opens the vault.
//!
//! ```text
//! body   = u8 0x01 || LP(header) || envelope of ROOT
//! header = LP("kw-slot-v1") LP(slot_id) LP(type) LP(label) LP(params) LP(i64be created_at_ms) LP(created_by)
//! params = empty for a key file; for a passphrase u8 0x01 (Argon2id 1.3) u32be memory_kib u32be passes u32be lanes salt(16B)
//! ctx    : tenant "", table "keyslot", record slot_id, field "root", version 1, key_id 1, binding SHA256(header)
//! ```
//!
//! The header is part of what is authenticated, so nobody can quietly lower the cost of a passphrase.

use keyward_domain::ids::InstallId;
use keyward_domain::port::{Entropy, VaultRecord};
use keyward_domain::secret::Secret;
use keyward_domain::time::Timestamp;

use crate::context::{Context, sha256};
use crate::envelope;
use crate::error::{Fault, VaultError};
use crate::key::Key;
use crate::lp::{self, Reader};
use crate::root::{KdfParams, RootHolder, SALT_LEN, check_new, derive, read_key_file};

pub(crate) const KIND: &str = "keyslot";
/// More slots than this are refused: each may cost a second to try.
pub const MAX_KEYSLOTS: usize = 8;

const FORMAT: u8 = 1;
const ARGON2ID_13: u8 = 1;
const SLOT_KEY_ID: u32 = 1;
const MAX_TEXT: usize = 256;

/// What there is to know about a keyslot without opening it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotInfo {
    /// Its id.
    pub id: String,
    /// `key_file` or `passphrase`.
    pub holder: &'static str,
    /// What people call it.
    pub label: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
}

/// Who makes a slot, when, and what people call it.
pub(crate) struct Origin<'a> {
    pub(crate) label: &'a str,
    pub(crate) created_by: &'a str,
    pub(crate) now: Timestamp,
}

/// Seals the root key for a holder, and proves that the new slot opens.
pub(crate) fn create(
    install: InstallId,
    root: &Key,
    holder: &RootHolder,
    cost: KdfParams,
    origin: &Origin<'_>,
    entropy: &dyn Entropy,
) -> Result<VaultRecord, VaultError> {
    let params = match holder {
        RootHolder::KeyFile(_) => Params::KeyFile,
        RootHolder::Passphrase(passphrase) => {
            check_new(passphrase)?;
            let mut salt = [0; SALT_LEN];
            entropy.fill(&mut salt)?;
            Params::Passphrase(cost, salt)
        }
    };
    let header = Header {
        id: mint_id(entropy)?,
        params,
        label: cut(origin.label),
        created_at: origin.now,
        created_by: cut(origin.created_by),
    };
    let encoded = header.encode();
    let key = slot_key(holder, &header.params)?.ok_or(VaultError::WrongRoot)?;
    let sealed = with_context(install, &header.id, &encoded, |context| {
        let sealed = envelope::seal(&key, context, root.bytes(), entropy)?;
        envelope::open(&key, context, &sealed)?;
        Ok(sealed)
    })?;
    let mut body = vec![FORMAT];
    lp::put(&mut body, &encoded);
    body.extend_from_slice(&sealed);
    Ok(VaultRecord { kind: KIND.to_owned(), id: header.id, body })
}

/// Tries one slot. `Ok(None)`: it is for another kind of holder. [`VaultError::WrongRoot`]: the wrong file or passphrase,
/// or an altered slot; the two cannot be told apart.
pub(crate) fn open(install: InstallId, record: &VaultRecord, holder: &RootHolder) -> Result<Option<Key>, VaultError> {
    let (header, encoded, sealed) = parse(record)?;
    let Some(key) = slot_key(holder, &header.params)? else { return Ok(None) };
    let root = with_context(install, &header.id, encoded, |context| envelope::open(&key, context, sealed)).map_err(
        |error| match error {
            VaultError::Integrity(Fault::Commitment) => VaultError::WrongRoot,
            other => other,
        },
    )?;
    Key::from_slice(&root).map(Some).ok_or(VaultError::Integrity(Fault::Content))
}

/// Describes a slot. What it says is proved only when the slot is opened.
pub(crate) fn describe(record: &VaultRecord) -> Result<SlotInfo, VaultError> {
    let (header, ..) = parse(record)?;
    let (holder, created_at) = (header.params.type_name(), header.created_at);
    Ok(SlotInfo { id: header.id, holder, label: header.label, created_at, created_by: header.created_by })
}

fn slot_key(holder: &RootHolder, params: &Params) -> Result<Option<Key>, VaultError> {
    match (holder, params) {
        (RootHolder::KeyFile(path), Params::KeyFile) => read_key_file(path).map(Some),
        (RootHolder::Passphrase(passphrase), Params::Passphrase(cost, salt)) => {
            derive_if_plausible(passphrase, salt, *cost).map(Some)
        }
        _ => Ok(None),
    }
}

fn derive_if_plausible(passphrase: &Secret, salt: &[u8; SALT_LEN], cost: KdfParams) -> Result<Key, VaultError> {
    if passphrase.is_empty() {
        return Err(VaultError::WrongRoot);
    }
    derive(passphrase, salt, cost)
}

fn with_context<T>(
    install: InstallId,
    id: &str,
    header: &[u8],
    use_it: impl FnOnce(&Context<'_>) -> Result<T, VaultError>,
) -> Result<T, VaultError> {
    use_it(&Context {
        install: &install.to_string(),
        tenant: "",
        table: KIND,
        record: id,
        field: "root",
        version: 1,
        key_id: SLOT_KEY_ID,
        binding: sha256(header),
    })
}

struct Header {
    id: String,
    params: Params,
    label: String,
    created_at: Timestamp,
    created_by: String,
}

enum Params {
    KeyFile,
    Passphrase(KdfParams, [u8; SALT_LEN]),
}

impl Params {
    const fn type_name(&self) -> &'static str {
        match self {
            Self::KeyFile => "key_file",
            Self::Passphrase(..) => "passphrase",
        }
    }

    fn encode(&self) -> Vec<u8> {
        match self {
            Self::KeyFile => Vec::new(),
            Self::Passphrase(cost, salt) => {
                let mut out = vec![ARGON2ID_13];
                for number in [cost.memory_kib(), cost.passes(), cost.lanes()] {
                    out.extend_from_slice(&number.to_be_bytes());
                }
                out.extend_from_slice(salt);
                out
            }
        }
    }

    fn decode(type_name: &str, bytes: &[u8]) -> Result<Self, VaultError> {
        let form = VaultError::Integrity(Fault::Form);
        match type_name {
            "key_file" if bytes.is_empty() => Ok(Self::KeyFile),
            "passphrase" => {
                let mut reader = Reader::new(bytes);
                match reader.u8() {
                    Some(ARGON2ID_13) => {}
                    Some(_) => return Err(VaultError::UnsupportedVersion),
                    None => return Err(form),
                }
                let numbers = (|| Some((reader.u32()?, reader.u32()?, reader.u32()?)))();
                let (memory, passes, lanes) = numbers.ok_or_else(|| form.clone())?;
                let cost = KdfParams::new(memory, passes, lanes)?;
                let salt = reader.rest().try_into().map_err(|_| form)?;
                Ok(Self::Passphrase(cost, salt))
            }
            "key_file" => Err(form),
            _ => Err(VaultError::UnsupportedVersion),
        }
    }
}

impl Header {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        lp::put(&mut out, b"kw-slot-v1");
        lp::put(&mut out, self.id.as_bytes());
        lp::put(&mut out, self.params.type_name().as_bytes());
        lp::put(&mut out, self.label.as_bytes());
        lp::put(&mut out, &self.params.encode());
        lp::put(&mut out, &self.created_at.unix_millis().to_be_bytes());
        lp::put(&mut out, self.created_by.as_bytes());
        out
    }

    fn decode(bytes: &[u8]) -> Result<Self, VaultError> {
        let mut reader = Reader::new(bytes);
        if reader.field() != Some(b"kw-slot-v1") {
            return Err(VaultError::UnsupportedVersion);
        }
        let fields = (|| {
            let (id, type_name, label) = (reader.text()?, reader.text()?, reader.text()?);
            let params = reader.field()?;
            let created_at = i64::from_be_bytes(reader.field()?.try_into().ok()?);
            let created_by = reader.text()?;
            reader.end()?;
            Some((id, type_name, label, params, created_at, created_by))
        })();
        let (id, type_name, label, params, created_at, created_by) =
            fields.ok_or(VaultError::Integrity(Fault::Form))?;
        Ok(Self {
            id: id.to_owned(),
            params: Params::decode(type_name, params)?,
            label: label.to_owned(),
            created_at: Timestamp::from_unix_millis(created_at),
            created_by: created_by.to_owned(),
        })
    }
}

/// Header, the header's bytes, and the envelope.
fn parse(record: &VaultRecord) -> Result<(Header, &[u8], &[u8]), VaultError> {
    let form = VaultError::Integrity(Fault::Form);
    let mut reader = Reader::new(&record.body);
    match reader.u8() {
        Some(FORMAT) => {}
        Some(_) => return Err(VaultError::UnsupportedVersion),
        None => return Err(form),
    }
    let encoded = reader.field().ok_or_else(|| form.clone())?;
    let header = Header::decode(encoded)?;
    if header.id != record.id {
        return Err(form);
    }
    Ok((header, encoded, reader.rest()))
}

fn mint_id(entropy: &dyn Entropy) -> Result<String, VaultError> {
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes)?;
    Ok(format!("slot_{:016x}", u64::from_be_bytes(bytes)))
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}
