//! Declared edits of a body, put into its bytes. Everything else stays as it was sent.

use std::ops::Range;

use bytes::Bytes;
use keyward_domain::dialect::{Dialect, Operation};

use crate::json::quote;
use crate::lens::{Facts, IncludeUsage, ModelSpan};

/// What the length of an answer is called in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapName {
    /// The wire format.
    pub dialect: Dialect,
    /// What is asked.
    pub operation: Operation,
    /// Whether the server may know OpenAI's older name only.
    pub legacy: bool,
}

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

    /// Sets the length of each answer, in tokens, wherever the body sets it, or adds it under the name that this dialect
    /// and operation have for it. Does nothing for operations whose answers have no such length.
    pub fn cap_output(&mut self, body: &[u8], facts: &Facts, to: &CapName, cap: u64) {
        let CapName { dialect, operation, legacy } = *to;
        let places = &facts.cap_places;
        let number = Bytes::from(cap.to_string());
        if places.values.iter().any(Option::is_some) {
            for place in places.values.iter().flatten() {
                self.replace(place.clone(), number.clone());
            }
            return;
        }
        let name = match (dialect, operation) {
            (Dialect::OpenAi, Operation::Chat) if !legacy => "max_completion_tokens",
            (Dialect::OpenAi, Operation::Chat | Operation::Completion) | (Dialect::Anthropic, Operation::Messages) => {
                "max_tokens"
            }
            (Dialect::OpenAi, Operation::Responses) => "max_output_tokens",
            (Dialect::Gemini, Operation::Generate) => return self.cap_gemini(body, places.config.clone(), cap),
            _ => return,
        };
        self.add_member(body, 0, &format!("\"{name}\":{cap}"));
    }

    fn cap_gemini(&mut self, body: &[u8], config: Option<Range<usize>>, cap: u64) {
        match config {
            None => self.add_member(body, 0, &format!("\"generationConfig\":{{\"maxOutputTokens\":{cap}}}")),
            Some(config) if body.get(config.clone()) == Some(b"null") => {
                self.replace(config, format!("{{\"maxOutputTokens\":{cap}}}").into());
            }
            Some(config) => self.add_member(body, config.start, &format!("\"maxOutputTokens\":{cap}")),
        }
    }

    /// Adds a member in front of the others of the object that begins at or behind `from`.
    fn add_member(&mut self, body: &[u8], from: usize, member: &str) {
        let rest = body.get(from..).unwrap_or_default();
        let Some(inside) = rest.iter().position(|byte| *byte == b'{').map(|bracket| from + bracket + 1) else { return };
        let is_empty = body.get(inside..).unwrap_or_default().trim_ascii_start().first() == Some(&b'}');
        let separator = if is_empty { "" } else { "," };
        self.replace(inside..inside, format!("{member}{separator}").into());
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
