//! What bounds the cost of a call, before anybody knows who serves it.

use keyward_dialect::extent::is_bounded_by_length;
use keyward_domain::cost::worst_case;
use keyward_domain::money::Nanodollars;
use keyward_domain::vocabulary::Vocabulary;

use crate::snapshot::Deployment;
use crate::stage::attempt::BYTES_PER_TOKEN;
use crate::stage::authorize::Grant;
use crate::stage::read::Payload;

/// The longest answer that is assumed when neither the client nor the catalog sets a limit, in tokens.
const ASSUMED_MAX_OUTPUT: u64 = 32_768;

/// The longest prompt that is assumed when neither its length nor the catalog bounds it, in tokens.
const ASSUMED_CONTEXT: u64 = 1 << 20;

/// An answer is seldom longer, in tokens. Limits that a provider or an operator set are settled with the truth later; what
/// is reserved until then should be neither nothing nor the whole allowance.
const TYPICAL_OUTPUT: u64 = 1024;

/// What bounds the cost of a call.
#[derive(Clone, Copy)]
pub(crate) struct Most {
    /// Tokens that the prompt can have at most, unless it is heavy.
    input_upper: u64,
    /// Tokens that it has, about: what limits reserve. Of a file nobody knows, so none.
    input_about: u64,
    /// The request holds something that stands for more tokens than it has bytes. Only looked for where a budget asks.
    is_heavy: bool,
    /// Tokens of the prompt in a vocabulary, at the most, where they had to be counted.
    counted: Option<(Vocabulary, u64)>,
    pub(crate) output_cap: Option<u64>,
    candidates: u32,
    is_free: bool,
}

impl Most {
    /// Reads it off a call.
    pub(super) fn of(grant: &Grant) -> Self {
        let payload = &grant.call.payload;
        let (bytes, upload) = (payload.len() as u64, payload.asked().upload_bytes);
        Self {
            input_upper: upload.unwrap_or(bytes),
            input_about: if upload.is_some() { 0 } else { bytes / BYTES_PER_TOKEN },
            is_heavy: false,
            counted: None,
            output_cap: payload.output_cap(),
            candidates: payload.candidates(),
            is_free: grant.call.operation.is_free(),
        }
    }

    /// What somebody says that he will send and be answered himself, in tokens.
    pub(crate) const fn declared(input: u64, output: u64) -> Self {
        Self {
            input_upper: input,
            input_about: input,
            is_heavy: false,
            counted: None,
            output_cap: Some(output),
            candidates: 1,
            is_free: false,
        }
    }

    /// The same, where a budget asks: a few bytes may stand for a picture, a file, or something stored at the vendor.
    pub(super) fn weighed(mut self, payload: &Payload) -> Self {
        if let Payload::Json(bytes, facts) = payload {
            self.is_heavy = !facts.bound.is_empty() || !is_bounded_by_length(bytes);
        }
        self
    }

    /// The vocabulary in which the prompt may be counted for this deployment, and was not yet.
    pub(super) fn uncounted(&self, target: &Deployment) -> Option<Vocabulary> {
        let is_new = |vocabulary: &Vocabulary| self.counted.is_none_or(|(counted, _)| counted != *vocabulary);
        if self.is_heavy { None } else { target.vocabulary().filter(is_new) }
    }

    /// The prompt has at most so many tokens in this vocabulary. Says whether its length told less.
    pub(super) fn count(&mut self, vocabulary: Vocabulary, tokens: u64) -> bool {
        self.counted = Some((vocabulary, tokens));
        tokens < self.input_upper
    }

    /// The same call with nothing in its prompt: what shorter prompts of it can cost, at the least.
    pub(super) fn without_prompt(&self) -> Self {
        Self { input_upper: 0, ..*self }
    }

    /// Tokens of the prompt by its size: what limits reserve.
    pub(crate) const fn input_tokens(&self) -> u64 {
        self.input_about
    }

    /// Tokens of the answer at this deployment: what limits reserve.
    pub(crate) fn output_tokens(&self, target: &Deployment) -> u64 {
        self.typical_output(target.max_output)
    }

    /// Tokens of the answer wherever it comes from.
    pub(super) fn typical_output(&self, max_output: Option<u64>) -> u64 {
        let output = self.output_cap.or(max_output).map_or(TYPICAL_OUTPUT, |cap| cap.min(TYPICAL_OUTPUT));
        output * u64::from(self.candidates)
    }

    /// The longest answer that this deployment may give, in tokens.
    pub(super) fn output_at(&self, target: &Deployment) -> u64 {
        let most = target.max_output;
        match self.output_cap {
            Some(cap) => most.map_or(cap, |most| cap.min(most)),
            None => most.unwrap_or(ASSUMED_MAX_OUTPUT),
        }
    }

    /// The most that the call can cost at this deployment: every byte of the request a token at the dearest input rate
    /// (no tokenizer makes more tokens than bytes), unless its tokens were counted, and the whole output allowance. `None`
    /// when the price is unknown.
    pub(crate) fn at(&self, target: &Deployment) -> Option<Nanodollars> {
        self.with_output(target, self.output_cap.or(target.max_output).unwrap_or(ASSUMED_MAX_OUTPUT))
    }

    /// The same with answers of at most so many tokens.
    pub(crate) fn with_output(&self, target: &Deployment, output: u64) -> Option<Nanodollars> {
        if self.is_free {
            return Some(Nanodollars::ZERO);
        }
        worst_case(&target.pricing, self.input_upper(target), output, self.candidates)
    }

    /// Answers asked for at once.
    pub(crate) fn candidates(&self) -> u32 {
        self.candidates.max(1)
    }

    /// The most tokens that the prompt can have.
    fn input_upper(&self, target: &Deployment) -> u64 {
        if self.is_heavy {
            return target.context.unwrap_or(ASSUMED_CONTEXT).max(self.input_upper);
        }
        match self.counted {
            Some((vocabulary, tokens)) if target.vocabulary() == Some(vocabulary) => tokens.min(self.input_upper),
            _ => self.input_upper,
        }
    }
}
