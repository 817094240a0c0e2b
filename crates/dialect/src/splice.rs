//! Declared edits of a body, put into its bytes. Everything else stays as it was sent.

use std::ops::Range;

use bytes::Bytes;

use crate::json::quote;
use crate::lens::{Facts, IncludeUsage, ModelSpan};

/// Edits of one body. Ranges are offsets in the body as it was sent; they may be added in any order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edits {
    // INVARIANT: sorted, and no two overlap (test `d01_edits_change_only_what_they_declare`).
    edits: Vec<(Range<usize>, Bytes)>,
}

impl Edits {
    /// No edits.
    pub const fn none() -> Self {
        Self { edits: Vec::new() }
    }

    /// Whether the body stays as it is.
    pub const fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// Gives the body's `model` another name; does nothing when it has none or that very one.
    pub fn replace_model(&mut self, facts: &Facts, name: &str) {
        if let Some(model) = facts.model.as_ref() {
            self.rename(model, name);
        }
    }

    /// Gives the models nested in a batch another name.
    pub fn replace_nested_models(&mut self, facts: &Facts, name: &str) {
        for model in &facts.nested_models {
            self.rename(model, name);
        }
    }

    /// Makes the provider report usage at the end of a stream whose client did not ask for it. Says whether that was
    /// needed: then the meter has to keep it from the client.
    pub fn include_usage(&mut self, facts: &Facts) -> bool {
        let IncludeUsage::Inject(edit) = &facts.include_usage else { return false };
        self.replace(edit.range.clone(), Bytes::from_static(edit.text.as_bytes()));
        true
    }

    /// Replaces these bytes. An edit that overlaps an earlier one is left out.
    pub fn replace(&mut self, range: Range<usize>, with: Bytes) {
        let place = self.edits.partition_point(|(other, _)| other.start < range.start);
        let after = place.checked_sub(1).and_then(|before| self.edits.get(before));
        let free_before = after.is_none_or(|(other, _)| other.end <= range.start);
        let free_behind = self.edits.get(place).is_none_or(|(other, _)| range.end <= other.start);
        if free_before && free_behind && range.start <= range.end {
            self.edits.insert(place, (range, with));
        }
    }

    /// The body with all edits in: the very same bytes when there are none, one copy otherwise.
    pub fn apply(&self, body: Bytes) -> Bytes {
        if self.edits.is_empty() {
            return body;
        }
        let added: usize = self.edits.iter().map(|(_, with)| with.len()).sum();
        let mut out = Vec::with_capacity(body.len() + added);
        for piece in self.pieces(&body) {
            out.extend_from_slice(&piece);
        }
        out.into()
    }

    /// The edited body as pieces in order, without copying any of it.
    pub fn pieces<'a>(&'a self, body: &'a Bytes) -> impl Iterator<Item = Bytes> + 'a {
        let mut from = 0;
        let edited = self.edits.iter().flat_map(move |(range, with)| {
            let kept = slice(body, from..range.start);
            from = range.end;
            [kept, with.clone()]
        });
        let end = self.edits.last().map_or(0, |(range, _)| range.end);
        edited.chain(std::iter::once(slice(body, end..body.len()))).filter(|piece| !piece.is_empty())
    }

    fn rename(&mut self, model: &ModelSpan, name: &str) {
        if *model.text != *name {
            let mut quoted = Vec::new();
            quote(name, &mut quoted);
            self.replace(model.range.clone(), quoted.into());
        }
    }
}

/// A part of the body, cut to what there is.
fn slice(body: &Bytes, range: Range<usize>) -> Bytes {
    let end = range.end.min(body.len());
    body.slice(range.start.min(end)..end)
}
