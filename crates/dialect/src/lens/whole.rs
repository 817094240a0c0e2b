//! The full check: every byte of the body is read and has to be JSON.

use crate::bound::request::Keys;
use crate::json::{Members, Scanner};

use super::LensError;
use super::collect::Collector;
use super::search::{named, search};

/// Reads the whole body into the collector.
pub(crate) fn whole(collector: &mut Collector<'_>) -> Result<(), LensError> {
    let body = collector.body();
    if let Err(error) = std::str::from_utf8(body) {
        return Err(LensError::new(format!("The request body is not UTF-8 at byte {}.", error.valid_up_to())));
    }
    let mut scan = Scanner::strict(body);
    scan.space();
    match scan.peek() {
        Some(b'{') => {}
        None => return Err(LensError::new("The request body is empty. Send a JSON object.")),
        Some(_) => {
            // Says first whether it is JSON at all.
            scan.value()?;
            return Err(LensError::new("The request body has to be a JSON object."));
        }
    }
    let mut members = Members::new(scan)?;
    while let Some(key) = members.next_key()? {
        let inner = body.get(key.start + 1..key.end - 1).unwrap_or_default();
        let value = members.cursor().value()?;
        if let Some(name) = named(collector, inner) {
            collector.member(name, value)?;
        }
    }
    let rest = members.cursor();
    rest.space();
    if rest.keys() & Keys::of(collector.dialect, collector.operation).marks != 0 {
        collector.note(search(collector, 0..body.len()));
    }
    if rest.peek().is_some() { Err(rest.syntax().into()) } else { Ok(()) }
}
