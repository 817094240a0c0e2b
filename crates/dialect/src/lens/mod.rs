//! What a request asks for: one pass over its bytes that finds the few fields Keyward acts on.
//!
//! The body stays as it was sent. A small body is checked in full on the way ([`whole`]). A large one is read from both
//! ends inwards and only searched in between ([`leap`]); when that leaves a doubt, it is stepped through bracket by
//! bracket ([`skim`]); and when it turns out to be no JSON object, the full check says where.
//!
//! INVARIANT: all ways find the same in every valid document (test `d01_leap_equals_full_scan`).

mod collect;
mod flaw;
mod leap;
mod name;
mod prefix;
mod search;
mod skim;
mod whole;

use std::ops::Range;

use keyward_domain::dialect::{Dialect, Operation};

use crate::bound::Bound;

pub use flaw::LensError;
pub use prefix::Parts;

use collect::Collector;
use leap::Leapt;
pub(crate) use name::forbidden;

/// Up to this size, in bytes, a body is checked in full; larger ones are only searched.
pub const FULL_SCAN_LIMIT: usize = 32 * 1024;
/// The longest model name, in bytes.
pub const MAX_MODEL: usize = 256;
/// The greatest output cap that is believed, in tokens.
pub const MAX_OUTPUT_CAP: u64 = 1 << 31;
/// The most answers that one request may ask for.
pub const MAX_CANDIDATES: u32 = 128;
/// The most model names that may be nested in a batch.
pub const MAX_NESTED_MODELS: usize = 1024;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The `model` member of the body.
    pub model: Option<ModelSpan>,
    /// Models named deeper in the body (Gemini: `requests[].model`, `generateContentRequest.model`), which have to agree
    /// with the path.
    pub nested_models: Vec<ModelSpan>,
    /// Whether the answer is wanted as events: `stream`, or for speech `stream_format: "sse"`.
    pub stream: bool,
    /// Whether the provider will report usage at the end of the stream, and how to make it.
    pub include_usage: IncludeUsage,
    /// The most output that each answer may have, in tokens; the greatest when several fields say so.
    pub output_cap: Option<u64>,
    /// Where the body says so, to say something else there.
    pub cap_places: CapPlaces,
    /// How many answers are wanted: `n`, `best_of`, `candidateCount`; 1 unless said.
    pub candidates: u32,
    /// The service tier asked for.
    pub service_tier: Option<Box<str>>,
    /// Speech: how many characters are to be spoken.
    pub input_characters: Option<u64>,
    /// Images: the size asked for.
    pub image_size: Option<Box<str>>,
    /// Images: the quality asked for.
    pub image_quality: Option<Box<str>>,
    /// The hash of the key by which the client wants prompt caches found again (`prompt_cache_key`).
    pub cache_key: Option<u64>,
    /// Where its conversation stands, if it has one.
    pub parts: Parts,
    /// What the request refers to that only one account at the provider has.
    pub bound: Bound,
    /// A member that steers gateways of other makes (`api_base`, `api_key`, ...): never obeyed here, and better refused
    /// than sent on.
    pub forbidden: Option<&'static str>,
}

/// A model name and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSpan {
    /// The JSON string with its quotes, as offsets in the body.
    pub range: Range<usize>,
    /// The name, escapes undone.
    pub text: Box<str>,
}

/// Where a body sets the length of its answers, as offsets of values; a value may be `null`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CapPlaces {
    /// The members that do: OpenAI's chat knows two.
    pub values: [Option<Range<usize>>; 2],
    /// Gemini: the object in which it would stand.
    pub config: Option<Range<usize>>,
}

/// Whether an OpenAI stream will report its usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IncludeUsage {
    /// The client asked for it itself.
    Asked,
    /// The client did not: this edit asks for it, and then the client must not see it.
    Inject(InsertAt),
    /// No stream, or one that always reports usage.
    NotApplicable,
}

/// A replacement in the body that makes the provider report usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InsertAt {
    /// What to replace, as offsets in the body; empty for a mere insertion.
    pub range: Range<usize>,
    /// What to put there.
    pub text: &'static str,
}

/// Reads a request body. The path has already said which dialect and operation it is.
pub fn look(dialect: Dialect, operation: Operation, body: &[u8]) -> Result<Facts, LensError> {
    if body.len() > FULL_SCAN_LIMIT {
        let mut collector = Collector::new(dialect, operation, body);
        let Leapt::Unclear(found) = leap::leap(&mut collector)? else { return Ok(collector.into_facts()) };
        let mut collector = Collector::new(dialect, operation, body);
        if skim::skim(&mut collector, found)? {
            return Ok(collector.into_facts());
        }
    }
    look_whole(dialect, operation, body)
}

/// Reads a request body and checks all of it, whatever its size.
pub fn look_whole(dialect: Dialect, operation: Operation, body: &[u8]) -> Result<Facts, LensError> {
    let mut collector = Collector::new(dialect, operation, body);
    whole::whole(&mut collector)?;
    Ok(collector.into_facts())
}
