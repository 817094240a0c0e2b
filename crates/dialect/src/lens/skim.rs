//! The second way through a large body, when names that matter stand where their depth is in doubt: every string and
//! bracket is stepped over, so depth is exact, but nothing else is checked.

use std::ops::Range;

use crate::json::{Flaw, FlawKind, MAX_DEPTH, flat_run, is_space, string_rest};

use super::LensError;
use super::collect::Collector;
use super::leap::find;

/// Reads all members of the top level; `false` means that this is not one JSON object, and a full scan can say why.
pub(crate) fn skim(collector: &mut Collector<'_>) -> Result<bool, LensError> {
    let mut walk = Walk { body: collector.body(), at: 0 };
    if !walk.take(b'{') {
        return Ok(false);
    }
    loop {
        let key = walk.space();
        if walk.string().is_none() {
            return Ok(false);
        }
        let key = key..walk.at;
        if !walk.take(b':') {
            return Ok(false);
        }
        let Some(value) = walk.value()? else { return Ok(false) };
        if let Some(name) = find(collector, key) {
            collector.member(name, value)?;
        }
        if walk.take(b'}') {
            return Ok(walk.space() == walk.body.len());
        }
        if !walk.take(b',') {
            return Ok(false);
        }
    }
}

struct Walk<'a> {
    body: &'a [u8],
    at: usize,
}

impl Walk<'_> {
    fn rest(&self) -> &[u8] {
        self.body.get(self.at..).unwrap_or_default()
    }

    fn space(&mut self) -> usize {
        self.at += self.rest().iter().take_while(|byte| is_space(**byte)).count();
        self.at
    }

    fn take(&mut self, byte: u8) -> bool {
        self.space();
        let here = self.rest().first() == Some(&byte);
        self.at += usize::from(here);
        here
    }

    fn string(&mut self) -> Option<()> {
        let inner = self.rest().strip_prefix(b"\"")?;
        self.at += 1 + string_rest(inner)?;
        Some(())
    }

    /// Steps over a value, and gives where it stands; nothing when there is none.
    fn value(&mut self) -> Result<Option<Range<usize>>, Flaw> {
        let start = self.space();
        let whole = match self.rest().first() {
            Some(b'"') => self.string().is_some(),
            Some(b'{' | b'[') => self.nested()?,
            _ => {
                let scalar = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
                self.at += self.rest().iter().take_while(scalar).count();
                self.at > start
            }
        };
        Ok(whole.then_some(start..self.at))
    }

    /// Steps over an object or array; `false` when it does not end.
    fn nested(&mut self) -> Result<bool, Flaw> {
        let mut depth = 0;
        loop {
            self.at += flat_run(self.rest());
            match self.rest().first() {
                None => return Ok(false),
                Some(b'"') => {
                    if self.string().is_none() {
                        return Ok(false);
                    }
                    continue;
                }
                Some(b'{' | b'[') => depth += 1,
                Some(_) => depth -= 1,
            }
            if depth > MAX_DEPTH {
                return Err(Flaw { at: self.at, kind: FlawKind::Depth });
            }
            self.at += 1;
            if depth == 0 {
                return Ok(true);
            }
        }
    }
}
