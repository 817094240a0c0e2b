//! Which page of a list is asked for.

use std::borrow::Cow;
use std::fmt;

/// A query parameter that names no page: which one it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadPage(pub &'static str);

impl fmt::Display for BadPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The query parameter `{}` names no page of this list. Leave it out to begin at the first.", self.0)
    }
}

impl std::error::Error for BadPage {}

/// The value of this query parameter, percent signs undone.
pub(super) fn parameter<'a>(query: &'a str, wanted: &str) -> Option<Cow<'a, str>> {
    query.split('&').find_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name == wanted).then(|| plain(value))
    })
}

/// How long a page may be.
pub(super) fn size(query: &str, wanted: &'static str, default: usize, most: usize) -> Result<usize, BadPage> {
    let Some(text) = parameter(query, wanted) else { return Ok(default) };
    match text.parse::<usize>() {
        Ok(size) if size >= 1 => Ok(size.min(most)),
        _ => Err(BadPage(wanted)),
    }
}

fn plain(value: &str) -> Cow<'_, str> {
    if !value.contains(['%', '+']) {
        return Cow::Borrowed(value);
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        let digit = |at: usize| behind.get(at).and_then(|digit| char::from(*digit).to_digit(16));
        let decoded = digit(0).zip(digit(1)).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        match (byte, decoded) {
            (b'%', Some(decoded)) => {
                bytes.push(decoded);
                rest = behind.get(2..).unwrap_or_default();
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = behind;
            }
            _ => {
                bytes.push(*byte);
                rest = behind;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}
