//! String text: decoding, measuring, writing.

use std::borrow::Cow;

use super::plain::text_run;
use super::scan::Scanner;

/// The text of a JSON string, given with its quotes; nothing when it is no string or not Unicode.
pub(crate) fn text(value: &[u8]) -> Option<Cow<'_, str>> {
    let inner = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    decode(inner)
}

/// The text of a JSON string, given without its quotes; nothing when it is not Unicode.
pub(crate) fn decode(inner: &[u8]) -> Option<Cow<'_, str>> {
    if !inner.contains(&b'\\') {
        return std::str::from_utf8(inner).ok().map(Cow::Borrowed);
    }
    let mut quoted = Vec::with_capacity(inner.len() + 2);
    quoted.push(b'"');
    quoted.extend_from_slice(inner);
    quoted.push(b'"');
    serde_json::from_slice::<String>(&quoted).ok().map(Cow::Owned)
}

/// A string whose opening quote has just been passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Measure {
    /// Bytes up to the closing quote, as written.
    pub(crate) written: usize,
    /// Bytes of text that they stand for.
    pub(crate) text: u64,
}

/// Measures the string that goes on here up to its closing quote, which has to be there.
#[inline]
pub(crate) fn measure(bytes: &[u8]) -> Option<Measure> {
    let mut at = 0;
    let mut saved = 0;
    loop {
        at += text_run(bytes.get(at..)?);
        match bytes.get(at)? {
            b'"' => return Some(Measure { written: at, text: u64::try_from(at - saved).ok()? }),
            b'\\' => {
                let (written, stands_for) = escape(bytes.get(at + 1..)?)?;
                at += written;
                saved += written - stands_for;
            }
            _ => return None,
        }
    }
}

/// How long the escape behind this backslash is, with it, and how many bytes of text it stands for.
fn escape(behind: &[u8]) -> Option<(usize, usize)> {
    match behind.first()? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some((2, 1)),
        b'u' => {
            let digits = behind.get(1..5)?;
            let unit = digits.iter().try_fold(0, |unit, digit| Some(unit * 16 + char::from(*digit).to_digit(16)?))?;
            Some((
                6,
                match unit {
                    0..0x80 => 1,
                    // A surrogate is half of four bytes.
                    0x80..0x800 | 0xD800..0xE000 => 2,
                    _ => 3,
                },
            ))
        }
        _ => None,
    }
}

/// Bytes of text in a JSON string value, given with its quotes; 0 for any other value.
pub(crate) fn text_len(value: &[u8]) -> u64 {
    value.strip_prefix(b"\"").and_then(measure).map_or(0, |measure| measure.text)
}

/// Characters of text in a JSON string value, given with its quotes; nothing for any other value.
pub(crate) fn characters(value: &[u8]) -> Option<u64> {
    u64::try_from(text(value)?.chars().count()).ok()
}

/// Writes text as a JSON string.
pub(crate) fn quote(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (run, behind) = rest.split_at(text_run(rest).min(rest.len()));
        out.extend_from_slice(run);
        let Some((byte, behind)) = behind.split_first() else { break };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => out.extend_from_slice(format!("\\u{control:04x}").as_bytes()),
        }
        rest = behind;
    }
    out.push(b'"');
}

/// Whether this text is one JSON document.
pub(crate) fn is_document(text: &[u8]) -> bool {
    let mut scan = Scanner::lenient(text);
    scan.space();
    if scan.value().is_err() {
        return false;
    }
    scan.space();
    scan.peek().is_none()
}
