//! Provider keys that a provider's answer repeats.

use bytes::Bytes;
use memchr::memmem;

/// What stands in place of a key.
const REDACTED: &[u8] = b"[redacted]";
/// So many bytes of a key's beginning give it away: providers repeat keys cut short or starred out in the middle.
const TELLING: usize = 8;

/// What a repeated provider key is known by: its beginning, which is too little to use it. For whatever has to be
/// looked at after the key itself is put away.
#[derive(Clone, Copy)]
pub struct Telling([u8; TELLING]);

impl Telling {
    /// The beginning of this key; `None` for keys so short that their beginning may be an ordinary word.
    pub fn of(secret: &[u8]) -> Option<Self> {
        secret.first_chunk().copied().map(Self)
    }

    /// Whether the key is repeated here.
    pub fn is_in(&self, text: &[u8]) -> bool {
        memmem::find(text, &self.0).is_some()
    }

    /// The text without the key: what begins like it is taken out as far as it can be part of it.
    pub fn scrub(&self, text: Bytes) -> Bytes {
        scrub(text, &self.0)
    }
}

/// The body without the provider key in it: neither whole, nor cut short, nor starred out in the middle. The very same
/// bytes when it is not there.
pub fn scrub(body: Bytes, secret: &[u8]) -> Bytes {
    let telling = secret.get(..TELLING).unwrap_or(secret);
    if telling.is_empty() {
        return body;
    }
    let finder = memmem::Finder::new(telling);
    let Some(first) = finder.find(&body) else { return body };
    let mut out = Vec::with_capacity(body.len());
    let mut rest: &[u8] = &body;
    let mut next = Some(first);
    while let Some(at) = next {
        out.extend_from_slice(rest.get(..at).unwrap_or_default());
        out.extend_from_slice(REDACTED);
        rest = behind(rest.get(at..).unwrap_or_default(), secret, telling.len());
        next = finder.find(rest);
    }
    out.extend_from_slice(rest);
    out.into()
}

/// What follows the key that this text begins with.
fn behind<'a>(text: &'a [u8], secret: &[u8], telling: usize) -> &'a [u8] {
    // Of a key's mere beginning it is not known where the key ends.
    if secret.len() > telling
        && let Some(rest) = text.strip_prefix(secret)
    {
        return rest;
    }
    let part_of_key = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'*');
    let length = text.iter().take_while(|byte| part_of_key(byte)).count().max(telling);
    text.get(length..).unwrap_or_default()
}
