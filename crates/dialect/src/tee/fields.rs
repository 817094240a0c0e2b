//! The lines of one event.

use std::borrow::Cow;

/// What an event says.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a> {
    /// The `event:` line.
    pub(crate) name: &'a [u8],
    /// The `data:` lines, joined.
    pub(crate) data: Option<Cow<'a, [u8]>>,
    /// Lines that are no fields at all, joined: Google puts bare JSON into streams when something fails.
    pub(crate) bare: Option<Cow<'a, [u8]>>,
}

/// Reads the lines of an event.
pub(crate) fn fields(event: &[u8]) -> Fields<'_> {
    let mut fields = Fields::default();
    let mut rest = event.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(event);
    while !rest.is_empty() {
        let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let (line, behind) = rest.split_at(end);
        rest = match behind {
            [b'\r', b'\n', next @ ..] | [_, next @ ..] => next,
            [] => behind,
        };
        let colon = line.iter().take(6).position(|byte| *byte == b':').unwrap_or(line.len());
        let (field, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => join(&mut fields.data, value),
            b"event" => fields.name = value,
            b"" | b"id" | b"retry" => {}
            _ => join(&mut fields.bare, line),
        }
    }
    fields
}

fn join<'a>(lines: &mut Option<Cow<'a, [u8]>>, line: &'a [u8]) {
    match lines {
        None => *lines = Some(Cow::Borrowed(line)),
        Some(lines) => {
            let lines = lines.to_mut();
            lines.push(b'\n');
            lines.extend_from_slice(line);
        }
    }
}
