//! Reading a request body: whole where it is JSON, its two ends where it is an upload of any size.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;

/// The largest JSON body that is read; beyond it the vendor's 413 is answered.
const MAX_JSON_BYTES: usize = 128 * 1024 * 1024;

/// Of a multipart body only this much of the beginning is kept, so that an upload of any size costs no memory.
const KEPT_HEAD_BYTES: usize = 1024 * 1024;

/// And this much of the end, where clients put the fields that follow the file.
const KEPT_TAIL_BYTES: usize = 64 * 1024;

/// A body as read.
#[derive(Debug, Default, Clone)]
pub(crate) struct Received {
    /// The whole body, or the two ends of a large upload.
    pub(crate) bytes: Bytes,
    pub(crate) len: u64,
    pub(crate) crc32: u32,
    pub(crate) complete: bool,
    pub(crate) too_large: bool,
}

pub(crate) async fn receive(mut body: Incoming, is_multipart: bool) -> Received {
    let mut head = BytesMut::new();
    let mut tail = BytesMut::new();
    let mut checksum = crc32fast::Hasher::new();
    let mut received = Received { complete: true, ..Received::default() };
    let limit = if is_multipart { KEPT_HEAD_BYTES } else { MAX_JSON_BYTES };
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            received.complete = false;
            break;
        };
        let Ok(mut data) = frame.into_data() else { continue };
        received.len += data.len() as u64;
        checksum.update(&data);
        let room = limit.saturating_sub(head.len()).min(data.len());
        head.extend_from_slice(&data.split_to(room));
        tail.extend_from_slice(&data);
        if tail.len() > 2 * KEPT_TAIL_BYTES {
            tail = tail.split_off(tail.len() - KEPT_TAIL_BYTES);
        }
    }
    received.too_large = !is_multipart && !tail.is_empty();
    head.extend_from_slice(&tail);
    received.bytes = head.freeze();
    received.crc32 = checksum.finalize();
    received
}

/// The fields of a form, as far as the kept bytes show them.
#[derive(Debug, Default)]
pub(crate) struct Form {
    parts: Vec<Part>,
    total: u64,
}

#[derive(Debug)]
struct Part {
    name: String,
    is_file: bool,
    content: Bytes,
}

impl Form {
    pub(crate) fn parse(content_type: &str, received: &Received) -> Option<Self> {
        let boundary = content_type.split("boundary=").nth(1)?.split(';').next()?.trim().trim_matches('"');
        let marker = format!("--{boundary}");
        let mut form = Self { parts: Vec::new(), total: received.len };
        let mut rest = received.bytes.clone();
        let mut begin = find(&rest, marker.as_bytes())? + marker.len();
        loop {
            rest = rest.slice(begin.min(rest.len())..);
            let Some(end) = find(&rest, marker.as_bytes()) else { break };
            form.parts.extend(part(&rest.slice(..end)));
            begin = end + marker.len();
        }
        Some(form)
    }

    /// A text field.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let part = self.parts.iter().find(|part| part.name == name && !part.is_file)?;
        Some(String::from_utf8_lossy(&part.content).into_owned())
    }

    /// How many files carry this name, with or without the brackets of a list.
    pub(crate) fn files(&self, name: &str) -> u64 {
        let listed = format!("{name}[]");
        self.parts.iter().filter(|part| part.is_file && (part.name == name || part.name == listed)).count() as u64
    }

    /// Weight of the whole upload.
    pub(crate) fn total_bytes(&self) -> u64 {
        self.total
    }
}

fn part(bytes: &Bytes) -> Option<Part> {
    let split = find(bytes, b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(bytes.get(..split)?).into_owned();
    let name = head.split("name=\"").nth(1)?.split('"').next()?.to_owned();
    let content = bytes.slice(split + 4..bytes.len().saturating_sub(2).max(split + 4));
    Some(Part { name, is_file: head.contains("filename"), content })
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
