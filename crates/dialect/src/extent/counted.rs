//! How many tokens a prompt has at the most, where its texts can be counted.
//!
//! What is known to reach the model as the text that it is counts as tokens. All else stays at a token a byte: schemas of
//! tools, arguments of calls, names, numbers, and the brackets around the texts.

use std::borrow::Cow;

use keyward_domain::dialect::Operation;

use crate::json::{Elements, Members, Scanner, decode, is_null, text};

/// Counts the tokens of one text; `None` when they cannot be counted.
pub type Count<'a> = dyn Fn(&str) -> Option<u64> + 'a;

/// What a vendor puts around a text, in tokens. OpenAI's cookbook ("How to count tokens with tiktoken") has 3 for a
/// message, and 1 each for its role and for being named; twice that, less what the brackets in the body count anyway.
const AROUND_TEXT: u64 = 8;
/// What a vendor puts around the whole, in tokens: by the cookbook 3 before the answer, 12 after the tools and up to 10
/// before each, the latter covered by the tool's own brackets; with as much again for headings.
const AROUND_CALL: u64 = 64;

/// At most so many tokens has the prompt of a request whose [length bounds](super::is_bounded_by_length) it. OpenAI's
/// dialect. `None` when nobody can say better than the length does: another operation, tools about which the vendor tells
/// the model more than the request says, a body that is no JSON, or texts that cannot be counted.
pub fn counted(operation: Operation, body: &[u8], count: &Count<'_>) -> Option<u64> {
    let mut tally = Tally { count, written: 0, tokens: AROUND_CALL };
    let mut members = Members::new(Scanner::strict(body)).ok()?;
    while let Some(member) = members.next().ok()? {
        match (operation, decode(member.key)?.as_ref()) {
            (Operation::Chat, "messages") | (Operation::Responses, "input") => tally.items(member.value)?,
            (Operation::Responses, "instructions") => tally.text(member.value)?,
            (Operation::Completion, "prompt") | (Operation::Embed, "input") => tally.texts(member.value)?,
            (Operation::Chat | Operation::Responses, "tools") if !are_plain(member.value) => return None,
            (Operation::Chat | Operation::Responses | Operation::Completion | Operation::Embed, _) => {}
            _ => return None,
        }
    }
    let rest = u64::try_from(body.len()).ok()?.checked_sub(tally.written)?;
    Some(rest.saturating_add(tally.tokens))
}

/// What was counted so far.
struct Tally<'a> {
    count: &'a Count<'a>,
    /// Bytes of the body that are texts which were counted.
    written: u64,
    tokens: u64,
}

impl Tally<'_> {
    /// A conversation: one text, or a list of messages and results.
    fn items(&mut self, value: &[u8]) -> Option<()> {
        if is_string(value) {
            return self.text(value);
        }
        Elements::of(value).try_for_each(|item| self.item(value.get(item)?))
    }

    /// A message, or what came of a call. Of anything else nobody knows how the vendor shows it to the model.
    fn item(&mut self, item: &[u8]) -> Option<()> {
        let wanted = match kind(item).as_deref() {
            Some("" | "message") => "content",
            Some("function_call_output" | "custom_tool_call_output") => "output",
            _ => return Some(()),
        };
        let mut members = Members::of(item)?;
        while let Some(member) = members.next().ok()? {
            if decode(member.key)? == wanted {
                if is_string(member.value) { self.text(member.value)? } else { self.parts(member.value)? }
            }
        }
        Some(())
    }

    /// Texts that have nothing to do with each other.
    fn texts(&mut self, value: &[u8]) -> Option<()> {
        if is_string(value) {
            return self.text(value);
        }
        Elements::of(value).try_for_each(|one| self.text(value.get(one)?))
    }

    /// One text; what is none stays as it is.
    fn text(&mut self, value: &[u8]) -> Option<()> {
        if let Some(text) = text(value) {
            self.counted(value, (self.count)(&text)?)?;
        }
        Some(())
    }

    /// A text in parts. Whether the vendor joins them is not known; should it, a cut may fall elsewhere, so what is more
    /// counts: the parts, or the whole.
    fn parts(&mut self, value: &[u8]) -> Option<()> {
        let (mut whole, mut number, mut apart) = (String::new(), 0, 0_u64);
        for part in Elements::of(value) {
            let part = value.get(part)?;
            if !matches!(kind(part).as_deref(), Some("text" | "input_text" | "output_text")) {
                continue;
            }
            let mut members = Members::of(part)?;
            while let Some(member) = members.next().ok()? {
                if decode(member.key)? != "text" {
                    continue;
                }
                let Some(text) = text(member.value) else { continue };
                let tokens = (self.count)(&text)?;
                self.counted(member.value, tokens)?;
                (number, apart) = (number + 1, apart.saturating_add(tokens));
                whole.push_str(&text);
            }
        }
        if number > 1 {
            self.tokens = self.tokens.saturating_add((self.count)(&whole)?.saturating_sub(apart));
        }
        Some(())
    }

    /// A string of the body, quotes included, was counted.
    fn counted(&mut self, value: &[u8], tokens: u64) -> Option<()> {
        let written = u64::try_from(value.len()).ok()?.saturating_sub(2);
        self.written = self.written.saturating_add(written);
        self.tokens = self.tokens.saturating_add(tokens).saturating_add(AROUND_TEXT);
        Some(())
    }
}

fn is_string(value: &[u8]) -> bool {
    value.first() == Some(&b'"')
}

/// Whether the request says all that the model is told about these tools. Those that the vendor runs bring their own words.
fn are_plain(tools: &[u8]) -> bool {
    is_null(tools)
        || Elements::of(tools).all(|tool| {
            let tool = tools.get(tool).unwrap_or_default();
            matches!(kind(tool).as_deref(), Some("function" | "custom"))
        })
}

/// What an object says that it is: nothing where it does not say. `None` when it is no object, or says so twice.
fn kind(object: &[u8]) -> Option<Cow<'_, str>> {
    let mut members = Members::of(object)?;
    let mut kind = None;
    while let Some(member) = members.next().ok()? {
        if decode(member.key)? == "type" && kind.replace(text(member.value)?).is_some() {
            return None;
        }
    }
    Some(kind.unwrap_or_default())
}
