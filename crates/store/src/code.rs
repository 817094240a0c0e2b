//! Numbers that are written to disk instead of words. A number is never given to something else: the journal and the
//! ledger of every released version are read by these tables.

use std::time::Duration;

use keyward_domain::dialect::{Dialect, Operation};
use keyward_domain::ledger::{AttemptOutcome, MAX_RAW_USAGE};
use keyward_domain::scope::ScopeKind;
use keyward_domain::usage::{Usage, UsageSource};

macro_rules! numbers {
    ($number_of:ident, $from:ident, $type:ident { $($variant:ident = $number:literal,)* }) => {
        pub(crate) const fn $number_of(value: $type) -> u8 {
            match value {
                $($type::$variant => $number,)*
            }
        }

        pub(crate) const fn $from(number: u8) -> Option<$type> {
            match number {
                $($number => Some($type::$variant),)*
                _ => None,
            }
        }
    };
}

numbers!(number_of_dialect, dialect, Dialect {
    OpenAi = 1,
    Anthropic = 2,
    Gemini = 3,
});

numbers!(number_of_operation, operation, Operation {
    Chat = 1,
    Completion = 2,
    Responses = 3,
    CountTokens = 4,
    Messages = 5,
    Generate = 6,
    Embed = 7,
    Image = 8,
    Speech = 9,
    Transcribe = 10,
    Moderate = 11,
    ListModels = 12,
    Lease = 13,
});

numbers!(number_of_outcome, outcome, AttemptOutcome {
    Completed = 1,
    UpstreamError = 2,
    Cut = 3,
    ClientGone = 4,
    NotSent = 5,
    Unsettled = 6,
    Correction = 7,
});

/// Kinds of scopes.
pub(crate) const fn number_of_scope_kind(kind: ScopeKind) -> u8 {
    match kind {
        ScopeKind::Global => 1,
        ScopeKind::Tenant => 2,
        ScopeKind::Team => 3,
        ScopeKind::User => 4,
        ScopeKind::EndUser => 5,
        ScopeKind::VirtualKey => 6,
        ScopeKind::Tag => 7,
        ScopeKind::Provider => 8,
        ScopeKind::Credential => 9,
        ScopeKind::Model => 10,
    }
}

/// The kind of scope with this number.
pub(crate) fn scope_kind(number: u8) -> Option<ScopeKind> {
    ScopeKind::ALL.into_iter().find(|kind| number_of_scope_kind(*kind) == number)
}

numbers!(number_of_source, source, UsageSource {
    Provider = 1,
    Partial = 2,
    Estimated = 3,
    None = 4,
});

/// How many buckets a usage has.
pub(crate) const BUCKETS: usize = 14;

/// The buckets in the order of the ledger's columns and of the journal's bitmap. New ones go to the end.
pub(crate) const fn buckets(usage: &Usage) -> [u64; BUCKETS] {
    [
        usage.input_uncached,
        usage.cache_read,
        usage.cache_write_5m,
        usage.cache_write_1h,
        usage.input_audio,
        usage.input_image,
        usage.output,
        usage.reasoning,
        usage.output_audio,
        usage.output_image,
        usage.images,
        usage.input_audio_ms,
        usage.input_characters,
        usage.searches,
    ]
}

/// The usage whose [`buckets`] these are.
#[expect(clippy::similar_names, reason = "the buckets are called so")]
pub(crate) const fn usage(buckets: [u64; BUCKETS]) -> Usage {
    let [
        input_uncached,
        cache_read,
        cache_write_5m,
        cache_write_1h,
        input_audio,
        input_image,
        output,
        reasoning,
        output_audio,
        output_image,
        images,
        input_audio_ms,
        input_characters,
        searches,
    ] = buckets;
    Usage {
        input_uncached,
        cache_read,
        cache_write_5m,
        cache_write_1h,
        input_audio,
        input_image,
        output,
        reasoning,
        output_audio,
        output_image,
        images,
        input_audio_ms,
        input_characters,
        searches,
    }
}

/// Whole microseconds of a length; what is kept of it.
pub(crate) fn micros(length: Duration) -> u64 {
    u64::try_from(length.as_micros()).unwrap_or(u64::MAX)
}

/// The raw usage when it is short enough to be kept.
pub(crate) fn fitting_raw_usage(raw: Option<&str>) -> Option<&str> {
    raw.filter(|raw| raw.len() <= MAX_RAW_USAGE)
}
