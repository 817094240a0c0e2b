//! Tokens are kept as `HMAC-SHA256(VK_PEPPER_n, "kw/vk/v1\0" || whole token)`. They carry 256 random bits, so a fast
//! keyed hash is right: a dump of the store can neither check a guess nor be replayed.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use keyward_domain::time::Timestamp;
use keyward_domain::token::PresentedToken;
use keyward_domain::virtual_key::TokenHash;

use crate::key::Key;

const PREFIX: &[u8] = b"kw/vk/v1\0";

/// Checks presented tokens. Holds the peppers, ready for use, and nothing that could open a secret; so it may outlive
/// the unlocked vault.
#[derive(Debug)]
pub struct TokenVerifier {
    /// Version and key; the active one first.
    peppers: Vec<(u32, hmac::Key)>,
}

/// What a presented token turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verified {
    /// One of the accepted tokens.
    Live,
    /// It was accepted once; it was rotated out and its grace period is over.
    RotatedOut,
    /// Not a token of this key.
    Wrong,
}

impl TokenVerifier {
    /// A verifier for these peppers, the active one first.
    pub(crate) fn new<'a>(peppers: impl Iterator<Item = (u32, &'a Key)>) -> Self {
        let peppers = peppers.map(|(version, key)| (version, hmac::Key::new(hmac::HMAC_SHA256, key.bytes()))).collect();
        Self { peppers }
    }

    /// Compares with every accepted hash, in constant time; no early exit tells how far it got.
    pub fn verify(&self, token: &PresentedToken<'_>, accepted: &[TokenHash], now: Timestamp) -> Verified {
        let mut verified = Verified::Wrong;
        for (version, pepper) in &self.peppers {
            // A key's tokens nearly always share one pepper, so this is one MAC per request.
            if !accepted.iter().any(|hash| hash.pepper == *version) {
                continue;
            }
            let mac = mac(pepper, token.expose());
            for hash in accepted.iter().filter(|hash| hash.pepper == *version) {
                if verify_slices_are_equal(mac.as_ref(), &hash.mac).is_ok() {
                    verified = if hash.is_live(now) { Verified::Live } else { Verified::RotatedOut };
                }
            }
        }
        verified
    }

    /// The same work for a token whose id nobody knows, so that time does not tell which ids exist.
    pub fn verify_dummy(&self, token: &PresentedToken<'_>) {
        if let Some((_, pepper)) = self.peppers.first() {
            let mac = mac(pepper, token.expose());
            std::hint::black_box(verify_slices_are_equal(mac.as_ref(), &[0; 32]).is_ok());
        }
    }
}

/// The hash of a new token, as a store keeps it.
pub(crate) fn hash(version: u32, pepper: &Key, token: &[u8]) -> TokenHash {
    let mut kept = [0; 32];
    kept.copy_from_slice(mac(&hmac::Key::new(hmac::HMAC_SHA256, pepper.bytes()), token).as_ref());
    TokenHash { pepper: version, mac: kept, expires_at: None }
}

fn mac(pepper: &hmac::Key, token: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(pepper);
    context.update(PREFIX);
    context.update(token);
    context.sign()
}
