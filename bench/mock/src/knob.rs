//! What a request asks of the mock, read by byte search so that a large body costs next to nothing.

use std::time::Duration;

use hyper::StatusCode;
use memchr::memmem;

/// Knobs are looked for in this many first bytes of the body.
const KNOB_WINDOW_BYTES: usize = 2048;

/// `[[status=429]]` forces a status, `[[latency_ms=20]]` waits before the answer, `[[delay_us=5000]]` waits between the
/// events of a stream. They stand inside a message text.
#[derive(Default)]
pub struct Knobs {
    pub status: Option<StatusCode>,
    pub latency: Option<Duration>,
    pub delay: Duration,
}

impl Knobs {
    pub fn read(body: &[u8]) -> Self {
        let top = &body[..body.len().min(KNOB_WINDOW_BYTES)];
        if memmem::find(top, b"[[").is_none() {
            return Self::default();
        }
        Self {
            status: number(top, b"[[status=")
                .and_then(|code| u16::try_from(code).ok())
                .and_then(|code| StatusCode::from_u16(code).ok()),
            latency: number(top, b"[[latency_ms=").map(Duration::from_millis),
            delay: number(top, b"[[delay_us=").map(Duration::from_micros).unwrap_or_default(),
        }
    }
}

/// Whether the first `key` that is followed by a colon is followed by `true`. `key` carries its quotes.
pub fn is_true(body: &[u8], key: &[u8]) -> bool {
    memmem::find_iter(body, key)
        .find_map(|at| body[at + key.len()..].trim_ascii_start().strip_prefix(b":"))
        .is_some_and(|value| value.trim_ascii_start().starts_with(b"true"))
}

fn number(body: &[u8], key: &[u8]) -> Option<u64> {
    let start = memmem::find(body, key)? + key.len();
    let end = start + memchr::memchr(b']', &body[start..])?;
    std::str::from_utf8(&body[start..end]).ok()?.parse().ok()
}
