//! The protocol's version 2: commands are lists of texts, replies are values.

use bytes::{BufMut as _, BytesMut};

/// The longest text in a reply; ours are a few dozen bytes.
const MAX_TEXT: usize = 65_536;
/// The longest list in a reply: four numbers for each limit of a call.
const MAX_LIST: usize = 65_536;
/// The longest line: an error message.
const MAX_LINE: usize = 4_096;
/// Lists within lists.
const MAX_DEPTH: usize = 4;

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Error(String),
    Number(i64),
    List(Vec<Value>),
    Nothing,
}

/// The bytes are no reply. The connection cannot be used any more: where the next reply begins is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// Writes a command of so many parts.
pub(super) fn write<'a>(to: &mut BytesMut, count: usize, parts: impl Iterator<Item = &'a [u8]>) {
    to.put_slice(format!("*{count}\r\n").as_bytes());
    for part in parts {
        to.put_slice(format!("${}\r\n", part.len()).as_bytes());
        to.put_slice(part);
        to.put_slice(b"\r\n");
    }
}

/// The reply that the bytes begin with, and its length; nothing when it is not there as a whole yet.
pub(super) fn read(bytes: &[u8]) -> Result<Option<(Value, usize)>, Malformed> {
    let mut reader = Reader { bytes, at: 0 };
    Ok(reader.value(0)?.map(|value| (value, reader.at)))
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Option<Value>, Malformed> {
        let Some(line) = self.line()? else { return Ok(None) };
        let (kind, rest) = line.split_at_checked(1).ok_or(Malformed)?;
        match kind {
            "+" => Ok(Some(Value::Text(rest.to_owned()))),
            "-" => Ok(Some(Value::Error(rest.to_owned()))),
            ":" => rest.parse().map(|number| Some(Value::Number(number))).map_err(|_| Malformed),
            "$" => self.text(length(rest, MAX_TEXT)?),
            "*" if depth < MAX_DEPTH => self.list(length(rest, MAX_LIST)?, depth),
            _ => Err(Malformed),
        }
    }

    fn text(&mut self, length: Option<usize>) -> Result<Option<Value>, Malformed> {
        let Some(length) = length else { return Ok(Some(Value::Nothing)) };
        let Some(text) = self.rest().get(..length + 2) else { return Ok(None) };
        let text = text.strip_suffix(b"\r\n").ok_or(Malformed)?;
        let text = String::from_utf8_lossy(text).into_owned();
        self.at += length + 2;
        Ok(Some(Value::Text(text)))
    }

    fn list(&mut self, length: Option<usize>, depth: usize) -> Result<Option<Value>, Malformed> {
        let Some(length) = length else { return Ok(Some(Value::Nothing)) };
        let mut values = Vec::new();
        for _ in 0..length {
            let Some(value) = self.value(depth + 1)? else { return Ok(None) };
            values.push(value);
        }
        Ok(Some(Value::List(values)))
    }

    fn line(&mut self) -> Result<Option<String>, Malformed> {
        let rest = self.rest();
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            return if rest.len() > MAX_LINE { Err(Malformed) } else { Ok(None) };
        };
        let line = rest.get(..end).and_then(|line| line.strip_suffix(b"\r")).ok_or(Malformed)?;
        if line.len() > MAX_LINE {
            return Err(Malformed);
        }
        let line = String::from_utf8_lossy(line).into_owned();
        self.at += end + 1;
        Ok(Some(line))
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }
}

/// A length; -1 means that there is nothing.
fn length(text: &str, most: usize) -> Result<Option<usize>, Malformed> {
    if text == "-1" {
        return Ok(None);
    }
    text.parse().ok().filter(|length| *length <= most).map(Some).ok_or(Malformed)
}

#[cfg(test)]
mod tests {
    use super::{Malformed, Value, read, write};

    #[test]
    fn a_reply_is_read_when_all_of_it_is_there() {
        let bytes = b"*4\r\n:-7\r\n$5\r\na\r\nbc\r\n$-1\r\n-MOVED 1 h:2\r\n+OK\r\n";
        let whole = bytes.len() - b"+OK\r\n".len();
        for end in 0..whole {
            assert_eq!(read(&bytes[..end]), Ok(None), "{end}");
        }
        let list = vec![
            Value::Number(-7),
            Value::Text("a\r\nbc".to_owned()),
            Value::Nothing,
            Value::Error("MOVED 1 h:2".to_owned()),
        ];
        assert_eq!(read(bytes), Ok(Some((Value::List(list), whole))));
        assert_eq!(read(&bytes[whole..]), Ok(Some((Value::Text("OK".to_owned()), 5))));
    }

    #[test]
    fn what_is_no_reply_is_told_at_once() {
        let deep = "*1\r\n".repeat(9);
        let long = "+".repeat(5_000);
        let texts =
            ["HTTP/1.1 400\r\n", "$99999999\r\n", "*-5\r\n", ":x\r\n", "\r\n", "+OK\n", "$1\r\nabc", &deep, &long];
        for text in texts {
            assert_eq!(read(text.as_bytes()), Err(Malformed), "{text}");
        }
    }

    #[test]
    fn a_command_says_how_long_its_parts_are() {
        let mut to = bytes::BytesMut::new();
        write(&mut to, 2, ["GET", "a\r\nb"].map(str::as_bytes).into_iter());
        assert_eq!(&to[..], b"*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n");
    }
}
