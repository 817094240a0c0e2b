//! A ledger row as a span. Pure.

use keyward_domain::ledger::{AttemptId, AttemptOutcome, Entry, TraceContext};

use super::attributes::{self, Attribute};

/// One attempt, as OpenTelemetry sees it: a client's call to a provider.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Span {
    /// The caller's trace when the caller records it, otherwise the request's 128 bits.
    pub(super) trace: [u8; 16],
    /// The same for the same attempt, always: a span that is sent twice is one span.
    pub(super) id: [u8; 8],
    /// The caller's span, when the caller records it.
    pub(super) parent: Option<[u8; 8]>,
    /// Operation and model.
    pub(super) name: String,
    /// Unix time in nanoseconds.
    pub(super) start: u64,
    /// Unix time in nanoseconds.
    pub(super) end: u64,
    /// Whether the attempt did anything but complete.
    pub(super) failed: bool,
    /// What is known about it.
    pub(super) attributes: Vec<Attribute>,
}

impl Span {
    /// The span of the attempt that this row is about.
    pub(super) fn of(entry: &Entry) -> Self {
        let subject = &entry.subject;
        let start = nanoseconds(subject.at.unix_millis());
        // A caller that does not record its trace leaves nothing to hang this span on; it stands alone then.
        let caller = subject.trace.filter(|trace| trace.sampled);
        Self {
            trace: trace(caller, subject.attempt),
            id: span_id(subject.attempt),
            parent: caller.map(|caller| caller.parent),
            name: format!("{} {}", attributes::operation(subject.operation), attributes::cut(&subject.model)),
            start,
            end: start.saturating_add(u64::try_from(entry.duration.as_nanos()).unwrap_or(u64::MAX)),
            failed: entry.outcome != AttemptOutcome::Completed,
            attributes: attributes::of(entry),
        }
    }
}

fn nanoseconds(unix_millis: i64) -> u64 {
    u64::try_from(unix_millis).unwrap_or(0).saturating_mul(1_000_000)
}

/// All attempts of a request share a trace. Zero is no valid trace id, and no minted request id.
fn trace(caller: Option<TraceContext>, attempt: AttemptId) -> [u8; 16] {
    caller.map_or_else(|| attempt.request.bits().max(1).to_be_bytes(), |caller| caller.trace)
}

/// FNV-1a, 64 bits, over the request's 16 bytes and the attempt's number. Zero is no valid span id.
fn span_id(attempt: AttemptId) -> [u8; 8] {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let bytes = attempt.request.to_bytes().into_iter().chain([attempt.number]);
    let hash = bytes.fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    hash.max(1).to_be_bytes()
}
