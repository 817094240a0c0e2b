//! The second way through a large body, when names that matter stand where their depth is in doubt: every string and
//! bracket is stepped over, so depth is exact, but nothing else is checked.

use crate::json::Skip;

use super::LensError;
use super::collect::Collector;
use super::search::{Found, named};

/// Reads all members of the top level, given what a search of the body found; `false` means that this is not one JSON object, and a full scan can say why.
pub(crate) fn skim(collector: &mut Collector<'_>, found: Found) -> Result<bool, LensError> {
    let body = collector.body();
    collector.note(found);
    let mut skip = Skip::new(body, 0);
    if !skip.take(b'{') {
        return Ok(false);
    }
    loop {
        let Some(key) = skip.string() else { return Ok(false) };
        if !skip.take(b':') {
            return Ok(false);
        }
        let Some(value) = skip.value()? else { return Ok(false) };
        if let Some(name) = named(collector, key) {
            collector.member(name, value)?;
        }
        if skip.take(b'}') {
            return Ok(skip.is_over());
        }
        if !skip.take(b',') {
            return Ok(false);
        }
    }
}
