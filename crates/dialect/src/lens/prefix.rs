//! The stable prefix of a conversation: its system part and its first user message, as one hash.
//!
//! Only texts count, and what else a message shows (pictures, files), as written. Roles, types, and the marks by which
//! clients say what to cache do not: those marks move from turn to turn. Whatever follows the first user message does not
//! count either, nor do tools, model and sampling parameters. Of a long text its length, its beginning and its end count.

use std::hash::Hasher as _;

use foldhash::quality::FoldHasher;
use keyward_domain::dialect::{Dialect, Operation};

use crate::digest::hasher;
use crate::json::Skip;

/// Of a longer text this many bytes at each end count.
const MAX_END: usize = 1024;
/// Of the prompt of a plain completion this many bytes count: it grows from turn to turn, and caches hold nothing shorter
/// than 1,024 tokens.
const MAX_PROMPT: usize = 4096;
/// What Claude Code puts before its system prompt, with a number that differs from request to request.
const ATTRIBUTION: &[u8] = b"x-anthropic-billing-header:";

/// Where the parts of a conversation begin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Parts {
    /// The value of `system`, `instructions` or `systemInstruction`.
    pub system: Option<usize>,
    /// The value of `messages`, `input`, `contents` or `prompt`.
    pub conversation: Option<usize>,
}

impl Parts {
    /// The hash of what all turns of a conversation begin with: its system part and its first user message. The same for
    /// the same conversation on every node and after every restart; different conversations differ. `None` for operations
    /// without a conversation, and for an empty one.
    ///
    /// `body` is the one that these parts were found in. Not computed before somebody asks: where there is one key only,
    /// nobody does.
    #[must_use]
    pub fn prefix(self, dialect: Dialect, operation: Operation, body: &[u8]) -> Option<u64> {
        let mut stable = Stable { hasher: hasher(), is_empty: true };
        if let Some(at) = self.system {
            let _ends = Skip::new(body, at).raw().and_then(|value| stable.pieces(value));
        }
        // Keeps apart what is said above the conversation and in it.
        stable.hasher.write_u64(u64::MAX);
        if let Some(at) = self.conversation {
            let mut skip = Skip::new(body, at);
            let _ends = match operation {
                Operation::Completion => stable.prompt(&mut skip),
                _ => stable.messages(dialect, &mut skip),
            };
        }
        (!stable.is_empty).then(|| stable.hasher.finish())
    }
}

/// A hash in the making.
struct Stable {
    hasher: FoldHasher<'static>,
    is_empty: bool,
}

impl Stable {
    /// Messages up to the first of the user's; or all there is, when it is no list of messages.
    fn messages(&mut self, dialect: Dialect, skip: &mut Skip<'_>) -> Option<()> {
        match skip.peek()? {
            b'{' => self.message(dialect, skip).map(|_| ()),
            b'[' => skip.elements(|skip| match skip.peek()? {
                b'{' => (!self.message(dialect, skip)?).then_some(()),
                _ => self.pieces(skip.raw()?),
            }),
            _ => self.pieces(skip.raw()?),
        }
    }

    /// One message; says whether it is the user's.
    fn message(&mut self, dialect: Dialect, skip: &mut Skip<'_>) -> Option<bool> {
        let mut ahead = skip.clone();
        if let Some((role, text)) = plain(&mut ahead) {
            *skip = ahead;
            self.text(text);
            return Some(role == b"user");
        }
        let (mut role, mut content): (&[u8], &[u8]) = (b"", b"");
        skip.members(|skip, key| {
            match key {
                b"role" => role = skip.raw()?,
                b"content" | b"parts" => content = skip.raw()?,
                _ => skip.pass()?,
            }
            Some(())
        })?;
        self.pieces(content)?;
        // To Gemini, who says nothing is the user.
        Some(role == b"\"user\"" || (role.is_empty() && dialect == Dialect::Gemini))
    }

    /// A text, a list of blocks, or a block.
    fn pieces(&mut self, value: &[u8]) -> Option<()> {
        match value.first() {
            Some(b'[') => Skip::new(value, 0).elements(|skip| self.block(skip)),
            Some(b'{') => self.block(&mut Skip::new(value, 0)),
            _ => {
                self.piece(value);
                Some(())
            }
        }
    }

    /// A block: what it shows, without what it is and whether it is to be cached. Gemini's system part is one block of
    /// parts.
    fn block(&mut self, skip: &mut Skip<'_>) -> Option<()> {
        if skip.peek()? != b'{' {
            self.piece(skip.raw()?);
            return Some(());
        }
        skip.members(|skip, key| {
            match key {
                b"type" | b"role" | b"cache_control" | b"prompt_cache_breakpoint" => skip.pass()?,
                b"parts" if skip.peek()? == b'[' => skip.elements(|skip| self.part(skip))?,
                _ => self.piece(skip.raw()?),
            }
            Some(())
        })
    }

    /// A block in a block.
    fn part(&mut self, skip: &mut Skip<'_>) -> Option<()> {
        if skip.peek()? != b'{' {
            return skip.pass();
        }
        skip.members(|skip, _| {
            self.piece(skip.raw()?);
            Some(())
        })
    }

    /// The beginning of a plain prompt, or of the first of several.
    fn prompt(&mut self, skip: &mut Skip<'_>) -> Option<()> {
        let start = skip.clone();
        let value = if skip.take(b'[') && skip.peek()? == b'"' { skip.clone() } else { start }.raw()?;
        self.piece(value.get(..MAX_PROMPT).unwrap_or(value));
        Some(())
    }

    /// A value as written. A text counts without its quotes: what follows the part of a prompt that counts is not known.
    fn piece(&mut self, value: &[u8]) {
        if value != b"null" {
            let text = value.strip_prefix(b"\"").unwrap_or(value);
            self.text(text.strip_suffix(b"\"").unwrap_or(text));
        }
    }

    /// A text as written between its quotes.
    fn text(&mut self, text: &[u8]) {
        if text.is_empty() || text.starts_with(ATTRIBUTION) {
            return;
        }
        self.is_empty = false;
        match (text.get(..MAX_END), text.len().checked_sub(MAX_END).and_then(|at| text.get(at..))) {
            (Some(head), Some(end)) if text.len() > 2 * MAX_END => {
                self.hasher.write(head);
                self.hasher.write(end);
            }
            _ => self.hasher.write(text),
        }
        self.hasher.write_u64(text.len() as u64);
    }
}

/// The role and the text of a message, written as most are: role, text, nothing else, and no white space.
#[inline]
fn plain<'a>(skip: &mut Skip<'a>) -> Option<(&'a [u8], &'a [u8])> {
    skip.literal(b"{\"role\":")?;
    let role = skip.string()?;
    skip.literal(b",\"content\":")?;
    let text = skip.string()?;
    skip.literal(b"}")?;
    Some((role, text))
}
