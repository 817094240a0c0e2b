//! Faults: what goes wrong with a call, chosen by the test, applied to the calls it names.

use bytes::Bytes;

use super::refusal::VendorError;
use super::vendor::{Operation, Vendor};

/// How a connection ends when the script cuts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Close {
    /// An orderly end (FIN): the peer reads end-of-file.
    #[default]
    Fin,
    /// A reset (RST): the peer reads "connection reset".
    Reset,
}

/// Where a call stands still until [`super::ScriptedProvider::release`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stall {
    /// After the request was read, before the status line.
    BeforeHeaders,
    /// After the headers and any opening events, before the first generated token.
    BeforeFirstToken,
    /// After this many generated tokens.
    AfterTokens(u64),
    /// After this many bytes of the body.
    AtByte(u64),
}

/// Where an answer tells its usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UsageShape {
    /// Where the vendor's documentation says.
    #[default]
    Documented,
    /// Before the first token, and nowhere else.
    Early,
    /// On the event that carries the finish reason instead of one of its own (OpenAI chat; elsewhere as documented).
    OnFinish,
    /// After the event that ends the stream (`[DONE]`, `message_stop`, the finish reason of Gemini).
    Late,
    /// Nowhere.
    Absent,
    /// As documented, then one more event whose usage is empty.
    ThenEmpty,
    /// On every event, growing; the last one is the truth.
    Cumulative,
    /// Inside an object named `response` (how a Responses event wraps it).
    Nested,
    /// Zeros and ones on early events, the truth at the end.
    Placeholder,
}

/// Line ends of an event stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LineEnds {
    /// `\n`
    #[default]
    Lf,
    /// `\r\n`
    Crlf,
    /// `\n` and `\r\n` in turn
    Mixed,
}

/// How many calls a fault applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Times {
    Left(u64),
    Always,
}

/// What replaces the answer, if anything does.
#[derive(Debug, Clone, Default)]
pub(crate) enum Reply {
    #[default]
    Answer,
    Status {
        status: u16,
        body: Option<(String, Bytes)>,
    },
    Vendor(VendorError),
    Raw(Bytes),
    HangUp(Close),
}

/// One scripted deviation from the ordinary answer; the methods combine. By default a fault applies once, to the next
/// authenticated call that is billed (model lists and token counts go on working unless named with
/// [`Fault::for_operation`]).
///
/// ```
/// use keyward_testkit::provider::{Close, Fault, Stall};
/// let rate_limited = Fault::status(429).header("retry-after", "7").for_key("primary").times(3);
/// let broken = Fault::answer().answer_tokens(100).rechunk([1, 5, 3]).cut_at(777, Close::Reset).always();
/// let silent = Fault::answer().stall(Stall::AfterTokens(2));
/// # let _ = (rate_limited, broken, silent);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Fault {
    pub(crate) vendor: Option<Vendor>,
    pub(crate) operation: Option<Operation>,
    pub(crate) model: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) skip: u64,
    pub(crate) times: Times,

    pub(crate) reply: Reply,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) echo_key: bool,
    pub(crate) stall: Option<Stall>,
    pub(crate) stepped: bool,
    pub(crate) answer_tokens: Option<u64>,
    pub(crate) tokens_per_frame: u64,
    pub(crate) tool_calls: u64,
    pub(crate) usage: UsageShape,
    pub(crate) error_after: Option<(u64, VendorError)>,
    pub(crate) inserts: Vec<(u64, Bytes)>,
    pub(crate) comment_every: Option<u64>,
    pub(crate) line_ends: LineEnds,
    pub(crate) rechunk: Vec<usize>,
    pub(crate) cut: Option<(u64, Close)>,
    pub(crate) gzip: bool,
}

impl Fault {
    /// The ordinary answer, to be bent by the other methods.
    pub fn answer() -> Self {
        Self {
            vendor: None,
            operation: None,
            model: None,
            key: None,
            skip: 0,
            times: Times::Left(1),
            reply: Reply::Answer,
            headers: Vec::new(),
            echo_key: false,
            stall: None,
            stepped: false,
            answer_tokens: None,
            tokens_per_frame: 1,
            tool_calls: 1,
            usage: UsageShape::Documented,
            error_after: None,
            inserts: Vec::new(),
            comment_every: None,
            line_ends: LineEnds::Lf,
            rechunk: Vec::new(),
            cut: None,
            gzip: false,
        }
    }

    /// A bare status. Without [`Fault::body`] the body is the vendor's error for that status where there is one.
    pub fn status(status: u16) -> Self {
        Self { reply: Reply::Status { status, body: None }, ..Self::answer() }
    }

    /// A refusal in the vendor's own words.
    pub fn refuse(error: VendorError) -> Self {
        Self { reply: Reply::Vendor(error), ..Self::answer() }
    }

    /// A redirect (301, 302, 307 or 308) to `location`.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::status(status).body("text/plain", "moved").header("location", location)
    }

    /// Status 200 with a page for people in it.
    pub fn html() -> Self {
        Self::status(200).body("text/html", "<html><body><h1>It works</h1></body></html>")
    }

    /// Status 200 and nothing in it.
    pub fn empty() -> Self {
        Self::status(200).body("application/json", "")
    }

    /// Exactly these bytes on the connection instead of an HTTP answer, then the connection closes.
    pub fn raw(bytes: impl Into<Bytes>) -> Self {
        Self { reply: Reply::Raw(bytes.into()), ..Self::answer() }
    }

    /// The connection closes after the request was read, without an answer.
    pub fn hang_up(close: Close) -> Self {
        Self { reply: Reply::HangUp(close), ..Self::answer() }
    }

    /// Body of a [`Fault::status`] answer. `{{key}}` in it becomes the secret that the call carried.
    pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        if let Reply::Status { body: slot, .. } = &mut self.reply {
            *slot = Some((content_type.to_owned(), body.into()));
        }
        self
    }

    /// One more response header. A `retry-after` given here replaces the vendor's.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A response header of `bytes` bytes.
    pub fn padding_header(self, bytes: usize) -> Self {
        let value = "p".repeat(bytes);
        self.header("x-padding", &value)
    }

    /// Error texts show the whole key instead of its ends.
    pub fn echo_key(mut self) -> Self {
        self.echo_key = true;
        self
    }

    /// Stand still until the test calls `release`.
    pub fn stall(mut self, at: Stall) -> Self {
        self.stall = Some(at);
        self
    }

    /// Each token waits for one `step` of the test.
    pub fn stepped(mut self) -> Self {
        self.stepped = true;
        self
    }

    /// Answer with this many tokens of text, made while they are sent. The caller's cap still holds.
    pub fn answer_tokens(mut self, tokens: u64) -> Self {
        self.answer_tokens = Some(tokens);
        self
    }

    /// Tokens per event of a stream; 262,144 makes a line of 1 MiB.
    pub fn tokens_per_frame(mut self, tokens: u64) -> Self {
        self.tokens_per_frame = tokens;
        self
    }

    /// How many parallel tool calls an answer makes where it makes one.
    pub fn tool_calls(mut self, calls: u64) -> Self {
        self.tool_calls = calls;
        self
    }

    /// Where usage appears.
    pub fn usage(mut self, shape: UsageShape) -> Self {
        self.usage = shape;
        self
    }

    /// A stream that began with 200 ends in the vendor's error event after this many tokens.
    pub fn error_after(mut self, tokens: u64, error: VendorError) -> Self {
        self.error_after = Some((tokens, error));
        self
    }

    /// Raw bytes in the stream after this many tokens: unknown events, broken lines, anything. Repeatable.
    pub fn insert_after(mut self, tokens: u64, bytes: impl Into<Bytes>) -> Self {
        self.inserts.push((tokens, bytes.into()));
        self
    }

    /// A line that is not JSON after this many tokens.
    pub fn malformed_line_after(self, tokens: u64) -> Self {
        self.insert_after(tokens, "data: {\"broken\":\n\n")
    }

    /// A keep-alive comment before every n-th event.
    pub fn comment_every(mut self, events: u64) -> Self {
        self.comment_every = Some(events.max(1));
        self
    }

    /// Line ends of the stream.
    pub fn line_ends(mut self, ends: LineEnds) -> Self {
        self.line_ends = ends;
        self
    }

    /// Cut the body into chunks of these sizes, over and over; characters are split without mercy.
    pub fn rechunk(mut self, sizes: impl Into<Vec<usize>>) -> Self {
        self.rechunk = sizes.into();
        self
    }

    /// End the connection after this many bytes of the body.
    pub fn cut_at(mut self, byte: u64, close: Close) -> Self {
        self.cut = Some((byte, close));
        self
    }

    /// Send the body gzipped (stored blocks), whatever the caller accepts.
    pub fn gzip(mut self) -> Self {
        self.gzip = true;
        self
    }

    /// Only calls in this dialect.
    pub fn for_vendor(mut self, vendor: Vendor) -> Self {
        self.vendor = Some(vendor);
        self
    }

    /// Only this operation; the only way to reach model lists and token counts.
    pub fn for_operation(mut self, operation: Operation) -> Self {
        self.operation = Some(operation);
        self
    }

    /// Only calls for this model.
    pub fn for_model(mut self, model: &str) -> Self {
        self.model = Some(model.to_owned());
        self
    }

    /// Only calls with the key of this name.
    pub fn for_key(mut self, name: &str) -> Self {
        self.key = Some(name.to_owned());
        self
    }

    /// Let this many matching calls pass first.
    pub fn skip(mut self, calls: u64) -> Self {
        self.skip = calls;
        self
    }

    /// Apply to this many calls.
    pub fn times(mut self, calls: u64) -> Self {
        self.times = Times::Left(calls);
        self
    }

    /// Apply to every matching call from now on.
    pub fn always(mut self) -> Self {
        self.times = Times::Always;
        self
    }
}

/// What a rule is matched against.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) vendor: Vendor,
    pub(crate) operation: Operation,
    pub(crate) model: Option<&'a str>,
    pub(crate) key: &'a str,
}

/// The script: faults in the order they were given; the first that matches applies.
#[derive(Debug, Default)]
pub(crate) struct Script {
    rules: Vec<Fault>,
}

impl Script {
    pub(crate) fn push(&mut self, fault: Fault) {
        self.rules.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.rules.len()
    }

    /// The fault for this call, used up as far as its count says.
    pub(crate) fn take(&mut self, subject: &Subject<'_>) -> Fault {
        let Some(position) = self.rules.iter_mut().position(|rule| applies(rule, subject)) else {
            return Fault::answer();
        };
        let Some(rule) = self.rules.get_mut(position) else { return Fault::answer() };
        let fault = rule.clone();
        match &mut rule.times {
            Times::Always => {}
            Times::Left(left) => {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    drop(self.rules.remove(position));
                }
            }
        }
        fault
    }
}

fn applies(rule: &mut Fault, subject: &Subject<'_>) -> bool {
    let named = match rule.operation {
        Some(operation) => operation == subject.operation,
        None => subject.operation.is_billed(),
    };
    let fits = named
        && rule.vendor.is_none_or(|vendor| vendor == subject.vendor)
        && rule.key.as_deref().is_none_or(|key| key == subject.key)
        && rule.model.as_deref().is_none_or(|model| Some(model) == subject.model);
    if fits && rule.skip > 0 {
        rule.skip -= 1;
        return false;
    }
    fits
}
