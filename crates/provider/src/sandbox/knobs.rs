//! What a caller can ask of the sandbox beyond an answer: slowness, length, faults.

/// The longest pause, in milliseconds.
const MAX_PAUSE_MS: u64 = 120_000;
/// The longest answer, in tokens.
const MAX_TOKENS: u64 = 2_000_000;

/// Settings of one call. Nothing set means: at once, in full, without a fault.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Knobs {
    /// Pause before the answer begins, in milliseconds.
    pub(super) ttft_ms: Option<u64>,
    /// Pause between two pieces of a stream, in milliseconds.
    pub(super) gap_ms: Option<u64>,
    /// Length of the answer, in tokens.
    pub(super) tokens: Option<u64>,
    /// Reasoning tokens of the answer.
    pub(super) reasoning: Option<u64>,
    /// Prompt tokens that come from the cache.
    pub(super) cached: Option<u64>,
    /// HTTP status of a refusal.
    pub(super) status: Option<u16>,
    /// Seconds for the refusal's `retry-after`.
    pub(super) retry_after: Option<u64>,
    /// Code of the refusal, in place of the status's usual one.
    pub(super) code: Option<String>,
    /// After this many pieces of a stream comes an error event.
    pub(super) fail_after: Option<u64>,
    /// After this many pieces a stream simply ends.
    pub(super) cut_after: Option<u64>,
    /// The answer is a web page with status 200.
    pub(super) malformed: bool,
    /// The answer does not say what was consumed.
    pub(super) no_usage: bool,
    /// The answer repeats the question.
    pub(super) echo: bool,
}

impl Knobs {
    /// What a model's name sets: `sandbox-echo`, `sandbox-slow`, and any `+name=value` behind a name.
    pub(super) fn of_model(model: &str) -> Self {
        let (name, rest) = model.split_once('+').unwrap_or((model, ""));
        let own = match name.rsplit('/').next().unwrap_or(name) {
            "sandbox-echo" | "echo" => Self { echo: true, ..Self::default() },
            "sandbox-slow" | "slow" => Self { ttft_ms: Some(400), gap_ms: Some(15), ..Self::default() },
            _ => Self::default(),
        };
        own.and(Self::parse(rest))
    }

    /// What the first `[[...]]` of a text sets.
    pub(super) fn in_text(text: &str) -> Self {
        let inside = text.split_once("[[").and_then(|(_, rest)| rest.split_once("]]"));
        inside.map(|(knobs, _)| Self::parse(knobs)).unwrap_or_default()
    }

    /// Reads `name=value` pairs and bare names, separated by spaces, commas or plus signs. What it does not know it
    /// leaves alone: the text may simply contain brackets.
    pub(super) fn parse(text: &str) -> Self {
        let mut knobs = Self::default();
        for pair in text.split([' ', ',', '+', '&', ';']).filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            knobs.set(name, value);
        }
        knobs
    }

    /// These settings, and `other`'s where it has any.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            ttft_ms: other.ttft_ms.or(self.ttft_ms),
            gap_ms: other.gap_ms.or(self.gap_ms),
            tokens: other.tokens.or(self.tokens),
            reasoning: other.reasoning.or(self.reasoning),
            cached: other.cached.or(self.cached),
            status: other.status.or(self.status),
            retry_after: other.retry_after.or(self.retry_after),
            code: other.code.or(self.code),
            fail_after: other.fail_after.or(self.fail_after),
            cut_after: other.cut_after.or(self.cut_after),
            malformed: other.malformed || self.malformed,
            no_usage: other.no_usage || self.no_usage,
            echo: other.echo || self.echo,
        }
    }

    fn set(&mut self, name: &str, value: &str) {
        let number = |most: u64| value.parse::<u64>().ok().map(|number| number.min(most));
        match name {
            "ttft_ms" => self.ttft_ms = number(MAX_PAUSE_MS),
            "gap_ms" => self.gap_ms = number(MAX_PAUSE_MS),
            "tokens" => self.tokens = number(MAX_TOKENS),
            "reasoning" => self.reasoning = number(MAX_TOKENS),
            "cached" => self.cached = number(MAX_TOKENS),
            "status" => self.status = value.parse().ok().filter(|status| (300..600).contains(status)),
            "retry_after" => self.retry_after = number(u64::MAX),
            "error" => self.code = plain(value),
            "fail_after" => self.fail_after = number(u64::MAX),
            "cut_after" => self.cut_after = number(u64::MAX),
            "malformed" => self.malformed = true,
            "no_usage" => self.no_usage = true,
            "echo" => self.echo = true,
            _ => {}
        }
    }
}

/// A code that can stand in JSON and in a header.
fn plain(value: &str) -> Option<String> {
    let is_plain =
        !value.is_empty() && value.len() <= 64 && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_plain.then(|| value.to_owned())
}
