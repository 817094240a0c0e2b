//! Tokens that Keyward issues: `kw_<env>_<12 base62 id>_<43 base62 secret><6 base62 CRC-32>`, 70 characters
//! (69 for `adm`, whose word is a letter shorter).
//!
//! Form and checksum are checked before anything is looked up. The hash that a store keeps is made in `vault`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::port::{Entropy, EntropyError};
use crate::secret::Secret;

/// The longest token; `adm` tokens are one character shorter.
pub const TOKEN_LEN: usize = 70;
const ID_LEN: usize = 12;
const SECRET_LEN: usize = 43;
const CHECK_LEN: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// The data plane.
    Live,
    /// The data plane, sandbox models only.
    Test,
    /// The control plane.
    Adm,
    /// One use: makes the first admin.
    Boot,
}

impl Environment {
    /// The word inside the token.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
            Self::Adm => "adm",
            Self::Boot => "boot",
        }
    }
}

/// The clear part of a token: 64 bits, written as 12 base-62 characters. Names a virtual key everywhere.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(u64);

impl TokenId {
    /// A new id.
    pub fn mint(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        let mut bytes = [0_u8; 8];
        entropy.fill(&mut bytes)?;
        Ok(Self(u64::from_be_bytes(bytes)))
    }

    /// The id with exactly these bits.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// All 64 bits.
    pub const fn bits(self) -> u64 {
        self.0
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base62::<ID_LEN>(&self.0.to_be_bytes()))
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TokenId {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        if text.len() != ID_LEN {
            return Err(TokenError::Form);
        }
        base62_u64(text.as_bytes()).map(Self).ok_or(TokenError::Form)
    }
}

impl Serialize for TokenId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TokenId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Why a text is not a token. No variant carries any of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Wrong length, prefix or characters.
    #[error("not in the form kw_<live|test|adm|boot>_<12>_<49>")]
    Form,
    /// White space inside: usually a copy that took a line break along.
    #[error("there is white space inside the key")]
    Whitespace,
    /// The last six characters do not fit the rest: a typing error or a cut-off copy.
    #[error("the checksum does not match: the key was mistyped or cut")]
    Checksum,
}

/// A text that has the form and the checksum of a token. It may still be unknown, revoked or expired.
#[derive(Debug, Clone, Copy)]
pub struct PresentedToken<'a> {
    /// What kind of token it claims to be.
    pub environment: Environment,
    /// Which key it claims to be.
    pub id: TokenId,
    text: &'a [u8],
}

impl<'a> PresentedToken<'a> {
    /// Checks length, characters, prefix and CRC; touches nothing else.
    pub fn parse(text: &'a [u8]) -> Result<Self, TokenError> {
        if !(TOKEN_LEN - 1..=TOKEN_LEN).contains(&text.len()) {
            return Err(if text.iter().any(u8::is_ascii_whitespace) {
                TokenError::Whitespace
            } else {
                TokenError::Form
            });
        }
        let (environment, rest) = split_environment(text).ok_or(TokenError::Form)?;
        let (id, secret) = rest.split_at_checked(ID_LEN).ok_or(TokenError::Form)?;
        let secret = secret.strip_prefix(b"_").ok_or(TokenError::Form)?;
        if secret.len() != SECRET_LEN + CHECK_LEN || !secret.iter().all(u8::is_ascii_alphanumeric) {
            return Err(TokenError::Form);
        }
        let id = base62_u64(id).map(TokenId).ok_or(TokenError::Form)?;
        let (checked, check) = text.split_at_checked(text.len() - CHECK_LEN).ok_or(TokenError::Form)?;
        if checksum(checked).as_bytes() != check {
            return Err(TokenError::Checksum);
        }
        Ok(Self { environment, id, text })
    }

    /// The whole token, for hashing.
    pub const fn expose(&self) -> &'a [u8] {
        self.text
    }
}

/// A new token, to be shown once and hashed.
#[derive(Debug)]
pub struct MintedToken {
    /// Its clear part.
    pub id: TokenId,
    /// All 70 characters.
    pub token: Secret,
}

impl MintedToken {
    /// A token for a new key.
    pub fn mint(environment: Environment, entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        let id = TokenId::mint(entropy)?;
        Self::mint_for(environment, id, entropy)
    }

    /// A new secret for a key that exists: rotation keeps the id.
    pub fn mint_for(environment: Environment, id: TokenId, entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        let mut secret = [0_u8; 32];
        entropy.fill(&mut secret)?;
        let token = Self::from_parts(environment, id, &secret);
        secret.fill(0);
        Ok(token)
    }

    /// The token made of exactly these parts.
    pub fn from_parts(environment: Environment, id: TokenId, secret: &[u8; 32]) -> Self {
        let mut text = format!("kw_{}_{id}_{}", environment.as_str(), base62::<SECRET_LEN>(secret));
        let check = checksum(text.as_bytes());
        text.push_str(&check);
        Self { id, token: Secret::from(text) }
    }
}

fn split_environment(text: &[u8]) -> Option<(Environment, &[u8])> {
    [Environment::Live, Environment::Test, Environment::Adm, Environment::Boot].into_iter().find_map(|environment| {
        let rest = text.strip_prefix(b"kw_")?.strip_prefix(environment.as_str().as_bytes())?.strip_prefix(b"_")?;
        Some((environment, rest))
    })
}

/// CRC-32/ISO-HDLC of everything before it, in six base-62 characters.
fn checksum(checked: &[u8]) -> String {
    base62::<CHECK_LEN>(&crc32fast::hash(checked).to_be_bytes())
}

/// A big-endian number in exactly `N` base-62 digits, most significant first.
fn base62<const N: usize>(number: &[u8]) -> String {
    let mut digits = [0_u8; N];
    for byte in number {
        let mut carry = u32::from(*byte);
        for digit in digits.iter_mut().rev() {
            carry += u32::from(*digit) * 256;
            *digit = u8::try_from(carry % 62).unwrap_or(0);
            carry /= 62;
        }
    }
    digits.iter().map(|digit| char::from(ALPHABET[usize::from(*digit)])).collect()
}

fn base62_u64(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |number, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            b'a'..=b'z' => byte - b'a' + 36,
            _ => return None,
        };
        number.checked_mul(62)?.checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests;
