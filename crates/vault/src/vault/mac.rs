use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use keyward_domain::secret::Secret;
use keyward_domain::virtual_key::TokenHash;

use super::Vault;
use crate::error::{Fault, VaultError};
use crate::key::Key;
use crate::lp;
use crate::ring::Purpose;
use crate::token::{self, TokenVerifier};

const BLIND_PREFIX: &[u8] = b"kw/blind/v1\0";

/// What a keyed hash is for; each has its own key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MacPurpose {
    /// The audit chain, and values in it that may be searched for but not read.
    Audit,
    /// Session ids.
    Session,
    /// Pagination cursors and signed URLs.
    Cursor,
    /// Rows that grant power.
    Row,
}

/// A keyed hash and the version of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyedMac {
    /// Version of the key.
    pub key_id: u32,
    /// HMAC-SHA-256 over the length-prefixed parts.
    pub mac: [u8; 32],
}

impl Vault {
    /// The same secret gives the same 32 bytes, and nobody without the ring can tell which secret they stand for.
    pub fn blind_index(&self, secret: &Secret) -> Result<[u8; 32], VaultError> {
        let state = self.read();
        let (_, key) = state.opened()?.ring.active(Purpose::BlindIndex)?;
        let mut context = hmac::Context::with_key(&prepared(key));
        context.update(BLIND_PREFIX);
        context.update(secret.expose());
        Ok(bytes(context.sign()))
    }

    /// The hash of a new token, made with the active pepper; it does not expire.
    pub fn hash_token(&self, token: &[u8]) -> Result<TokenHash, VaultError> {
        let state = self.read();
        let (version, pepper) = state.opened()?.ring.active(Purpose::Pepper)?;
        Ok(token::hash(version, pepper, token))
    }

    /// What checks tokens on every request, without the vault and without its lock.
    pub fn token_verifier(&self) -> Result<Arc<TokenVerifier>, VaultError> {
        Ok(Arc::clone(&self.read().opened()?.verifier))
    }

    /// A keyed hash over a list of parts; no two different lists have the same one.
    pub fn mac(&self, purpose: MacPurpose, parts: &[&[u8]]) -> Result<KeyedMac, VaultError> {
        let state = self.read();
        let (key_id, key) = state.opened()?.ring.active(ring_purpose(purpose))?;
        Ok(KeyedMac { key_id, mac: over_parts(key, parts) })
    }

    /// Whether [`Vault::mac`] made this hash over these parts. A version that the ring does not know is an integrity error.
    pub fn verify_mac(&self, purpose: MacPurpose, parts: &[&[u8]], mac: &KeyedMac) -> Result<bool, VaultError> {
        let state = self.read();
        let key = state.opened()?.ring.find(ring_purpose(purpose), mac.key_id);
        let key = key.ok_or(VaultError::Integrity(Fault::UnknownKey))?;
        Ok(verify_slices_are_equal(&over_parts(key, parts), &mac.mac).is_ok())
    }
}

const fn ring_purpose(purpose: MacPurpose) -> Purpose {
    match purpose {
        MacPurpose::Audit => Purpose::AuditMac,
        MacPurpose::Session => Purpose::SessionMac,
        MacPurpose::Cursor => Purpose::CursorMac,
        MacPurpose::Row => Purpose::RowMac,
    }
}

fn over_parts(key: &Key, parts: &[&[u8]]) -> [u8; 32] {
    let mut message = Vec::new();
    for part in parts {
        lp::put(&mut message, part);
    }
    bytes(hmac::sign(&prepared(key), &message))
}

fn prepared(key: &Key) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, key.bytes())
}

fn bytes(tag: hmac::Tag) -> [u8; 32] {
    let mut mac = [0; 32];
    mac.copy_from_slice(tag.as_ref());
    mac
}
