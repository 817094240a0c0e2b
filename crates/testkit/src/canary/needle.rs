//! The shapes a secret takes on its way out.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Characters of the secret that are already too much of it.
pub(super) const FRAGMENT: usize = 8;

/// How a secret was written where it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Encoding {
    /// As it is.
    Raw,
    /// Back to front.
    Reversed,
    /// Base64 with `+` and `/`, at any alignment.
    Base64,
    /// Base64 with `-` and `_`, at any alignment.
    Base64Url,
    /// Two hexadecimal digits for each byte.
    Hex,
    /// Percent signs before the bytes that need it, or before all.
    Percent,
    /// Backslashes before the characters that need it, or `\u` before all.
    Json,
    /// Two bytes for each character.
    Utf16,
    /// Its first eight characters.
    Prefix,
    /// Its last eight characters.
    Suffix,
}

/// Every form of a secret that is searched for, the longest first. Forms shorter than [`FRAGMENT`] are left out: they
/// would be found everywhere.
pub(super) fn needles(secret: &str) -> Vec<(Encoding, Vec<u8>)> {
    let bytes = secret.as_bytes();
    let mut needles =
        vec![(Encoding::Raw, bytes.to_vec()), (Encoding::Reversed, bytes.iter().rev().copied().collect())];
    for lead in 0..3 {
        let padded: Vec<u8> = std::iter::repeat_n(0, lead).chain(bytes.iter().copied()).collect();
        needles.push((Encoding::Base64, stable(&STANDARD_NO_PAD.encode(&padded), lead, bytes.len())));
        needles.push((Encoding::Base64Url, stable(&URL_SAFE_NO_PAD.encode(&padded), lead, bytes.len())));
    }
    let each = |write: fn(u8) -> String| bytes.iter().map(|byte| write(*byte)).collect::<String>().into_bytes();
    needles.push((Encoding::Hex, each(|byte| format!("{byte:02x}"))));
    needles.push((Encoding::Hex, each(|byte| format!("{byte:02X}"))));
    needles.push((Encoding::Percent, each(|byte| format!("%{byte:02X}"))));
    needles.push((Encoding::Percent, each(|byte| format!("%{byte:02x}"))));
    needles.push((Encoding::Percent, each(percent_where_needed)));
    let units = |write: fn(u16) -> String| secret.encode_utf16().map(write).collect::<String>().into_bytes();
    needles.push((Encoding::Json, units(|unit| format!("\\u{unit:04x}"))));
    needles.push((Encoding::Json, units(|unit| format!("\\u{unit:04X}"))));
    let quoted = serde_json::Value::from(secret).to_string();
    needles.push((Encoding::Json, quoted.trim_matches('"').as_bytes().to_vec()));
    needles.push((Encoding::Utf16, secret.encode_utf16().flat_map(u16::to_le_bytes).collect()));
    if let (Some(first), Some(last)) = (bytes.get(..FRAGMENT), bytes.get(bytes.len().saturating_sub(FRAGMENT)..)) {
        needles.push((Encoding::Prefix, first.to_vec()));
        needles.push((Encoding::Suffix, last.to_vec()));
    }
    let mut seen = std::collections::HashSet::new();
    needles.retain(|(_, needle)| needle.len() >= FRAGMENT && seen.insert(needle.clone()));
    needles.sort_by_key(|(_, needle)| std::cmp::Reverse(needle.len()));
    needles
}

/// The characters of an encoded text that depend on the secret alone, not on its neighbours.
fn stable(encoded: &str, lead: usize, length: usize) -> Vec<u8> {
    let begin = (lead * 8).div_ceil(6);
    let end = (lead + length) * 8 / 6;
    encoded.as_bytes().get(begin..end).unwrap_or_default().to_vec()
}

fn percent_where_needed(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}
