//! What arrived: one record per request, kept for byte-for-byte comparison and for counting calls.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::vendor::{Operation, Vendor};

/// Records kept; older ones are dropped (the count of requests goes on).
pub const MAX_LOGGED_REQUESTS: usize = 50_000;

/// Body bytes kept over all records; beyond it the oldest bodies are dropped and their records stay.
pub const MAX_LOGGED_BYTES: usize = 256 * 1024 * 1024;

/// The peer went away before it had the whole answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClosedEarly {
    /// Before the status line was sent.
    pub before_headers: bool,
    /// Body bytes handed to the network until then.
    pub after_bytes: u64,
    /// Since the provider started.
    pub at: Duration,
}

/// One request as it arrived, and how it ended.
#[derive(Debug, Clone)]
pub struct RequestRecord {
    /// Counts from 1 in order of arrival.
    pub call: u64,
    /// Number of the connection it came on, counting from 1.
    pub connection: u64,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub version: &'static str,
    /// Method as sent.
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// Header names (lower case) and raw values in order of arrival.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The raw body; only its beginning and end for uploads above the multipart limit.
    pub body: Bytes,
    /// Bytes of body that arrived.
    pub body_len: u64,
    /// CRC-32 of all of them.
    pub body_crc32: u32,
    /// Whether the body arrived to its end.
    pub body_complete: bool,
    /// Dialect, where the path names one.
    pub vendor: Option<Vendor>,
    /// Operation, where the path names one.
    pub operation: Option<Operation>,
    /// Model asked for.
    pub model: Option<String>,
    /// Name of the accepted key; `None` if the credential was refused or absent.
    pub key: Option<String>,
    /// Status answered, once it was.
    pub status: Option<u16>,
    /// Whether the whole answer was handed to the network.
    pub finished: bool,
    /// Set when the peer went away first.
    pub closed_early: Option<ClosedEarly>,
    /// Arrival, since the provider started.
    pub at: Duration,
}

impl RequestRecord {
    /// The first value of a header, as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// The body as JSON, `null` if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// The log, bounded by [`MAX_LOGGED_REQUESTS`] and [`MAX_LOGGED_BYTES`].
#[derive(Debug, Default)]
pub(crate) struct Log {
    records: VecDeque<RequestRecord>,
    total: u64,
    bytes: usize,
    thinned: usize,
}

impl Log {
    /// Numbers the record and keeps it.
    pub(crate) fn open(&mut self, mut record: RequestRecord) -> u64 {
        self.total += 1;
        record.call = self.total;
        self.records.push_back(record);
        if self.records.len() > MAX_LOGGED_REQUESTS
            && let Some(oldest) = self.records.pop_front()
        {
            self.bytes = self.bytes.saturating_sub(oldest.body.len());
            self.thinned = self.thinned.saturating_sub(1);
        }
        self.total
    }

    pub(crate) fn edit(&mut self, call: u64, edit: impl FnOnce(&mut RequestRecord)) {
        let behind = self.total.saturating_sub(call);
        let Some(index) = usize::try_from(behind).ok().and_then(|behind| self.records.len().checked_sub(behind + 1))
        else {
            return;
        };
        if let Some(record) = self.records.get_mut(index) {
            let before = record.body.len();
            edit(record);
            self.bytes = (self.bytes + record.body.len()).saturating_sub(before);
        }
        while self.bytes > MAX_LOGGED_BYTES && self.thinned < self.records.len() {
            if let Some(record) = self.records.get_mut(self.thinned) {
                self.bytes = self.bytes.saturating_sub(record.body.len());
                record.body = Bytes::new();
            }
            self.thinned += 1;
        }
    }

    pub(crate) fn all(&self) -> Vec<RequestRecord> {
        self.records.iter().cloned().collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &RequestRecord> {
        self.records.iter()
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// Forgets the records; numbering goes on.
    pub(crate) fn clear(&mut self) {
        self.records.clear();
        self.bytes = 0;
        self.thinned = 0;
    }
}
