//! What is known about an answer so far.

use keyward_domain::dialect::{Dialect, Operation};
use keyward_domain::ledger::MAX_RAW_USAGE;
use keyward_domain::usage::{Usage, UsageSource};

use crate::bound::Bound;
use crate::json::text;
use crate::usage::{Reading, anthropic, gemini, read};

use super::{MAX_ERROR, Metered};

/// What a piece of the answer brought, for `Fed`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Noted {
    pub(crate) content: bool,
    pub(crate) terminal: bool,
    pub(crate) error: bool,
}

/// The sum of all events so far. Usage is always that of the last event that has it, never a sum.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about one answer, noted one by one")]
pub(crate) struct Tally {
    pub(crate) dialect: Dialect,
    pub(crate) operation: Operation,
    usage: Option<Usage>,
    /// The usage is that of the whole answer, not of the answer so far.
    settled: bool,
    /// The last usage object, as written; empty when there is none or it is too long.
    raw: Vec<u8>,
    messages: Messages,
    tier: Option<Box<str>>,
    model: Option<Box<str>>,
    content_bytes: u64,
    content: bool,
    images: u64,
    searches: u64,
    error: Option<Box<str>>,
    pub(crate) complete: bool,
    pub(crate) finished: bool,
    suspect: bool,
    pub(crate) oversized: bool,
    pub(crate) malformed: bool,
    /// What was made, or is held, by the account that answers.
    pub(crate) bound: Bound,
    noted: Noted,
}

/// Anthropic's usage, spread over two events.
#[derive(Debug, Default)]
struct Messages {
    counts: anthropic::Counts,
    /// What `message_start` said, as written.
    start: Vec<u8>,
}

impl Tally {
    /// Bytes of text, tool arguments and reasoning seen so far.
    pub(crate) const fn content_bytes(&self) -> u64 {
        self.content_bytes
    }

    pub(crate) fn new(dialect: Dialect, operation: Operation) -> Self {
        Self {
            dialect,
            operation,
            usage: None,
            settled: false,
            raw: Vec::new(),
            messages: Messages::default(),
            tier: None,
            model: None,
            content_bytes: 0,
            content: false,
            images: 0,
            searches: 0,
            error: None,
            complete: false,
            finished: false,
            suspect: false,
            oversized: false,
            malformed: false,
            bound: Bound::new(),
            noted: Noted::default(),
        }
    }

    /// What was noted since the last time.
    pub(crate) fn take_noted(&mut self) -> Noted {
        std::mem::take(&mut self.noted)
    }

    /// Content went by: this many bytes of text.
    #[inline]
    pub(crate) const fn text(&mut self, bytes: u64) {
        if bytes > 0 {
            self.content_bytes = self.content_bytes.saturating_add(bytes);
            self.touch();
        }
    }

    /// Content went by that is no text. Behind an error it is none.
    #[inline]
    pub(crate) const fn touch(&mut self) {
        self.noted.content |= !self.content && self.error.is_none();
        self.content = true;
    }

    /// The proper end of the answer.
    pub(crate) const fn ended(&mut self) {
        self.complete = true;
        self.noted.terminal = true;
    }

    /// An error event, as written. Nothing good follows it.
    pub(crate) fn failed(&mut self, event: &[u8]) {
        self.error.get_or_insert_with(|| clipped(event));
        self.noted.error = true;
        self.noted.terminal = true;
    }

    /// The error, as written.
    pub(crate) fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// One image is done.
    pub(crate) const fn image(&mut self, images: u64) {
        self.images = self.images.saturating_add(images);
    }

    pub(crate) const fn searched(&mut self, searches: u64) {
        self.searches = searches;
    }

    /// The model that answers, as a JSON value.
    pub(crate) fn model(&mut self, value: &[u8]) {
        if self.model.is_none() {
            self.model = text(value).map(Into::into);
        }
    }

    /// The tier that serves it, as a JSON value; the last one counts.
    pub(crate) fn tier(&mut self, value: &[u8]) {
        if let Some(tier) = text(value)
            && self.tier.as_deref() != Some(tier.as_ref())
        {
            self.tier = Some(tier.into());
        }
    }

    /// A usage object, as written; `settled` when it is that of the whole answer.
    pub(crate) fn usage(&mut self, raw: &[u8], settled: bool) {
        match read(self.dialect, self.operation, raw) {
            Reading::Known(usage) => {
                self.usage = Some(usage);
                self.settled = settled;
            }
            Reading::Missing => return,
            Reading::Suspect => self.suspect = true,
        }
        self.keep(raw);
        if self.dialect == Dialect::Gemini
            && memchr::memmem::find(raw, b"trafficType").is_some()
            && let Some(traffic) = gemini::traffic(raw)
        {
            self.tier = Some(traffic);
        }
    }

    /// The usage of `message_start`: the prompt is right, the output a placeholder.
    pub(crate) fn message_start(&mut self, raw: &[u8]) {
        self.messages = Messages::default();
        if self.messages.counts.overwrite(raw).is_err() {
            self.suspect = true;
        }
        self.messages.counts.drop_placeholder();
        self.messages.start = raw.to_vec();
        self.keep(raw);
        self.settle_messages(false);
    }

    /// The usage of `message_delta`: cumulative, and wins over `message_start` wherever it says anything.
    pub(crate) fn message_delta(&mut self, raw: &[u8]) {
        if self.messages.counts.overwrite(raw).is_err() {
            self.suspect = true;
            return;
        }
        let start = &self.messages.start;
        if start.is_empty() {
            self.keep(raw);
        } else {
            let both = [b"{\"message_start\":", start.as_slice(), b",\"message_delta\":", raw, b"}"].concat();
            self.keep(&both);
        }
        self.settle_messages(true);
    }

    fn keep(&mut self, raw: &[u8]) {
        self.raw.clear();
        if raw.len() <= MAX_RAW_USAGE {
            self.raw.extend_from_slice(raw);
        }
    }

    fn settle_messages(&mut self, settled: bool) {
        match self.messages.counts.buckets() {
            Ok(Some(usage)) => {
                self.usage = Some(usage);
                self.settled = settled;
            }
            Ok(None) => {}
            Err(_) => self.suspect = true,
        }
    }

    /// What is known so far.
    pub(crate) fn metered(&self) -> Metered {
        let names = [&self.tier, &self.model, &self.error].map(Clone::clone);
        self.metered_with(names, String::from_utf8_lossy(&self.raw).into(), self.bound.clone())
    }

    /// The same, at the end.
    pub(crate) fn into_metered(mut self) -> Metered {
        let names = [self.tier.take(), self.model.take(), self.error.take()];
        let raw = String::from_utf8(std::mem::take(&mut self.raw)).unwrap_or_default();
        let bound = std::mem::take(&mut self.bound);
        self.metered_with(names, raw.into(), bound)
    }

    fn metered_with(&self, names: [Option<Box<str>>; 3], raw: Box<str>, bound: Bound) -> Metered {
        let [service_tier, model, stream_error] = names;
        let whole = self.settled || self.complete || self.finished;
        let usage = self.all_usage();
        let source = match usage {
            _ if self.operation.is_free() => UsageSource::None,
            Some(_) if whole => UsageSource::Provider,
            Some(_) => UsageSource::Partial,
            None if stream_error.is_some() && !self.content => UsageSource::None,
            None => UsageSource::Estimated,
        };
        Metered {
            usage,
            source,
            raw_usage: Some(raw).filter(|raw| !raw.is_empty()),
            service_tier,
            model,
            content_bytes: self.content_bytes,
            stream_error,
            // A finish reason is all the end that a Gemini stream has.
            complete: self.complete || (self.finished && self.dialect == Dialect::Gemini),
            finished: self.finished || self.complete,
            suspect: self.suspect,
            oversized: self.oversized,
            malformed: self.malformed,
            bound,
        }
    }

    /// The usage with what is reported beside it. Images are billed by the piece only where no tokens are reported.
    fn all_usage(&self) -> Option<Usage> {
        let mut usage = match self.usage {
            Some(usage) => usage,
            None if self.operation == Operation::Image && self.images > 0 => {
                Usage { images: self.images, ..Usage::default() }
            }
            None => return None,
        };
        usage.searches = usage.searches.max(self.searches);
        Some(usage)
    }
}

/// An error, cut at [`MAX_ERROR`].
pub(crate) fn clipped(error: &[u8]) -> Box<str> {
    String::from_utf8_lossy(error.get(..MAX_ERROR).unwrap_or(error)).into()
}
