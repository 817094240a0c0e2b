//! The envelope: authenticated encryption with a fresh derived key per record.
//!
//! ```text
//! 0      1      2        6            38           70          70+n+16
//! | ver | alg | key_id | salt (32B) | commit(32B) | ciphertext || tag16 |
//!  0x01  0x01   u32be
//! okm  = HKDF-SHA256(ikm = key, salt = salt, info = "kw/v1/record\0" || SHA256(ctx), L = 76)
//! key  = okm[0..32]   nonce = okm[32..44]   commit = okm[44..76]   AAD = ctx
//! ```
//!
//! AES-256-GCM alone does not commit to its key: one ciphertext can be made to open under several. So the commitment
//! is compared, in constant time, before anything is decrypted.

use std::mem;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use keyward_domain::port::Entropy;
use zeroize::Zeroizing;

use crate::context::{Context, sha256};
use crate::error::{Fault, VaultError};
use crate::key::{KEY_LEN, Key};
use crate::lp::Reader;

/// The version of the layout.
pub const VERSION: u8 = 1;
/// HKDF-SHA-256 and AES-256-GCM.
pub const ALGORITHM: u8 = 1;
/// Bytes before the ciphertext.
pub const HEADER_LEN: usize = 70;
/// Bytes after it.
pub const TAG_LEN: usize = 16;
/// The longest plaintext: a 64 KiB secret and its padding.
pub const MAX_PLAINTEXT_LEN: usize = 64 * 1024 + 64;

const SALT_LEN: usize = 32;
const COMMIT_LEN: usize = 32;
const NONCE_LEN: usize = 12;
const OKM_LEN: usize = KEY_LEN + NONCE_LEN + COMMIT_LEN;
const INFO: &[u8] = b"kw/v1/record\0";

/// Seals the plaintext under a key that is derived for this one envelope.
pub fn seal(key: &Key, context: &Context<'_>, plaintext: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, VaultError> {
    if plaintext.len() > MAX_PLAINTEXT_LEN {
        return Err(VaultError::TooLong(MAX_PLAINTEXT_LEN));
    }
    let mut salt = [0; SALT_LEN];
    entropy.fill(&mut salt)?;
    let aad = context.encode();
    let record = RecordKey::derive(key, &salt, &aad)?;

    // The capacity is final, so that no reallocation leaves plaintext behind; it is encrypted in place.
    let mut out = Zeroizing::new(Vec::with_capacity(HEADER_LEN + plaintext.len() + TAG_LEN));
    out.extend_from_slice(&[VERSION, ALGORITHM]);
    out.extend_from_slice(&context.key_id.to_be_bytes());
    out.extend_from_slice(&salt);
    out.extend_from_slice(record.commit());
    out.extend_from_slice(plaintext);
    let body = out.get_mut(HEADER_LEN..).ok_or(VaultError::Integrity(Fault::Form))?;
    let tag = record
        .aead()?
        .seal_in_place_separate_tag(record.nonce()?, Aad::from(&aad), body)
        .map_err(|_| VaultError::Integrity(Fault::Form))?;
    out.extend_from_slice(tag.as_ref());
    Ok(mem::take(&mut *out))
}

/// Opens an envelope that was sealed under this key for this context.
pub fn open(key: &Key, context: &Context<'_>, envelope: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let parts = Parts::read(envelope)?;
    if parts.key_id != context.key_id {
        return Err(VaultError::Integrity(Fault::UnknownKey));
    }
    let aad = context.encode();
    let record = RecordKey::derive(key, parts.salt, &aad)?;
    verify_slices_are_equal(record.commit(), parts.commit).map_err(|_| VaultError::Integrity(Fault::Commitment))?;

    let mut plaintext = Zeroizing::new(parts.ciphertext.to_vec());
    let length = record
        .aead()?
        .open_in_place(record.nonce()?, Aad::from(&aad), &mut plaintext)
        .map_err(|_| VaultError::Integrity(Fault::Tag))?
        .len();
    plaintext.truncate(length);
    Ok(plaintext)
}

/// Which version of the sealing key an envelope names.
pub fn key_id(envelope: &[u8]) -> Result<u32, VaultError> {
    Parts::read(envelope).map(|parts| parts.key_id)
}

struct Parts<'a> {
    key_id: u32,
    salt: &'a [u8],
    commit: &'a [u8],
    ciphertext: &'a [u8],
}

impl<'a> Parts<'a> {
    fn read(envelope: &'a [u8]) -> Result<Self, VaultError> {
        let form = VaultError::Integrity(Fault::Form);
        let mut reader = Reader::new(envelope);
        match (reader.u8(), reader.u8()) {
            (Some(VERSION), Some(ALGORITHM)) => {}
            (Some(_), Some(_)) => return Err(VaultError::UnsupportedVersion),
            _ => return Err(form),
        }
        let parts = (|| {
            let (key_id, salt, commit) = (reader.u32()?, reader.take(SALT_LEN)?, reader.take(COMMIT_LEN)?);
            Some(Self { key_id, salt, commit, ciphertext: reader.rest() })
        })();
        let allowed = TAG_LEN..=MAX_PLAINTEXT_LEN + TAG_LEN;
        parts.filter(|parts| allowed.contains(&parts.ciphertext.len())).ok_or(form)
    }
}

/// Key, nonce and commitment of one envelope.
struct RecordKey(Zeroizing<[u8; OKM_LEN]>);

struct OkmLen;

impl KeyType for OkmLen {
    fn len(&self) -> usize {
        OKM_LEN
    }
}

impl RecordKey {
    fn derive(key: &Key, salt: &[u8], aad: &[u8]) -> Result<Self, VaultError> {
        let mut okm = Zeroizing::new([0; OKM_LEN]);
        let info = sha256(aad);
        Salt::new(HKDF_SHA256, salt)
            .extract(key.bytes())
            .expand(&[INFO, &info], OkmLen)
            .and_then(|expanded| expanded.fill(okm.as_mut_slice()))
            .map_err(|_| VaultError::Integrity(Fault::Form))?;
        Ok(Self(okm))
    }

    fn aead(&self) -> Result<LessSafeKey, VaultError> {
        let bytes = self.part(0, KEY_LEN)?;
        UnboundKey::new(&AES_256_GCM, bytes).map(LessSafeKey::new).map_err(|_| VaultError::Integrity(Fault::Form))
    }

    fn nonce(&self) -> Result<Nonce, VaultError> {
        let bytes = self.part(KEY_LEN, NONCE_LEN)?;
        Nonce::try_assume_unique_for_key(bytes).map_err(|_| VaultError::Integrity(Fault::Form))
    }

    fn commit(&self) -> &[u8] {
        self.0.get(KEY_LEN + NONCE_LEN..).unwrap_or_default()
    }

    fn part(&self, from: usize, length: usize) -> Result<&[u8], VaultError> {
        self.0.get(from..from + length).ok_or(VaultError::Integrity(Fault::Form))
    }
}
