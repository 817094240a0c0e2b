//! One line of an error table, and what can follow from it.

use std::time::Duration;

use keyward_domain::judgement::{Blame, Next, Trouble};

use super::calendar::Reset;
use super::said::Said;

/// If everything that is given fits, then this follows. Tables are read from the top; the first that fits wins.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// HTTP statuses; empty for any.
    pub status: &'static [u16],
    /// Whether the status makes the difference, so that an error inside a good answer that names none does not fit.
    pub is_status_decisive: bool,
    /// The error's code or reason, in any case; empty for any.
    pub code: &'static str,
    /// The error's type, in any case; empty for any.
    pub kind: &'static str,
    /// Part of the message, in lower case; empty for any.
    pub text: &'static str,
    /// What follows.
    pub then: Then,
    /// What happened, in words for explanations.
    pub why: &'static str,
    /// Where the rule comes from, when no answer was recorded that shows it; empty when one was.
    pub source: &'static str,
}

/// What follows from a rule: whose trouble, how long, what next, what kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Then {
    /// Whose trouble it is.
    pub blame: Blame,
    /// How long it lasts.
    pub rests: Rests,
    /// What the call does next.
    pub next: Next,
    /// What kind of trouble it is.
    pub trouble: Trouble,
}

/// How long a rule says that the trouble lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rests {
    /// As long as the answer says; when it says nothing, this.
    Stated(Reset),
    /// This, whatever the answer says.
    Exactly(Reset),
}

const MOMENT: Rests = Rests::Stated(Reset::Moment);
const HUMAN: Rests = Rests::Exactly(Reset::Human);
/// Nobody documents when a model turns up in a plan or a region: asked again after this long.
const MODEL_COMES: Rests = Rests::Exactly(Reset::In(Duration::from_hours(1)));

impl Then {
    /// The key is unknown, revoked, expired or leaked.
    pub const REJECTED: Self = Self::new(Blame::Key, HUMAN, Next::OtherKey, Trouble::Rejected);
    /// The account behind the key is closed or on hold.
    pub const CLOSED: Self = Self::new(Blame::Account, HUMAN, Next::OtherAccount, Trouble::Rejected);
    /// The key works, but not from here or not for this interface.
    pub const BARRED: Self = Self::new(Blame::Key, HUMAN, Next::OtherKey, Trouble::NoPermission);
    /// The account works, but not for this.
    pub const ACCOUNT_BARRED: Self = Self::new(Blame::Account, HUMAN, Next::OtherAccount, Trouble::NoPermission);
    /// The key may not do this with this model, and will not until somebody allows it.
    pub const NO_PERMISSION: Self = Self::new(Blame::ModelOnKey, HUMAN, Next::OtherKey, Trouble::NoPermission);
    /// The key may not do this; whether that is about the key, the model or the prompt, the provider does not say.
    pub const PERHAPS_NO_PERMISSION: Self = Self::new(Blame::ModelOnKey, MOMENT, Next::OtherKey, Trouble::NoPermission);
    /// Not offered in this region or network, whatever the key.
    pub const NOT_HERE: Self = Self::new(Blame::Provider, MOMENT, Next::OtherDeployment, Trouble::NoPermission);
    /// The account cannot pay until somebody does something.
    pub const NO_CREDIT: Self = Self::new(Blame::Account, HUMAN, Next::OtherAccount, Trouble::QuotaExhausted);
    /// Too fast: the model's own limit on this account.
    pub const LIMITED: Self = Self::new(Blame::ModelOnKey, MOMENT, Next::OtherAccount, Trouble::RateLimited);
    /// Too fast: a limit of the whole account.
    pub const ACCOUNT_LIMITED: Self = Self::new(Blame::Account, MOMENT, Next::OtherAccount, Trouble::RateLimited);
    /// Too fast: a limit of the key.
    pub const KEY_LIMITED: Self = Self::new(Blame::Key, MOMENT, Next::OtherKey, Trouble::RateLimited);
    /// Too fast, and nobody says whose limit it is.
    pub const PERHAPS_LIMITED: Self = Self::new(Blame::ModelOnKey, MOMENT, Next::OtherKey, Trouble::RateLimited);
    /// This key's account does not have the model.
    pub const MODEL_MISSING: Self = Self::new(Blame::ModelOnKey, MODEL_COMES, Next::OtherKey, Trouble::ModelMissing);
    /// The provider does not have the model (yet), whatever the key.
    pub const NO_SUCH_MODEL: Self = Self::new(Blame::Model, MODEL_COMES, Next::OtherDeployment, Trouble::ModelMissing);
    /// The model was withdrawn.
    pub const MODEL_GONE: Self = Self::new(Blame::Model, HUMAN, Next::OtherDeployment, Trouble::ModelMissing);
    /// No capacity for this model.
    pub const MODEL_BUSY: Self = Self::new(Blame::Model, MOMENT, Next::OtherDeployment, Trouble::Overloaded);
    /// No capacity at all.
    pub const BUSY: Self = Self::new(Blame::Provider, MOMENT, Next::OtherDeployment, Trouble::Overloaded);
    /// The provider failed.
    pub const FAILED: Self = Self::new(Blame::Provider, MOMENT, Next::Retry, Trouble::Failed);
    /// The model failed.
    pub const MODEL_FAILED: Self = Self::new(Blame::Model, MOMENT, Next::Retry, Trouble::Failed);
    /// The prompt is longer than the model takes.
    pub const TOO_LONG: Self = Self::new(Blame::Request, MOMENT, Next::Use, Trouble::ContextTooLong);
    /// Refused for what the prompt says.
    pub const CONTENT: Self = Self::new(Blame::Request, MOMENT, Next::Use, Trouble::ContentPolicy);
    /// The request is malformed, or asks for what is not there.
    pub const BAD_REQUEST: Self = Self::new(Blame::Request, MOMENT, Next::Use, Trouble::BadRequest);
    /// We sent something that we must not send.
    pub const OUR_FAULT: Self = Self::new(Blame::Request, MOMENT, Next::GiveUp, Trouble::Unusable);

    /// The account's quota is used up until then; the answer may know better.
    pub const fn spent(until: Reset) -> Self {
        Self::new(Blame::Account, Rests::Stated(until), Next::OtherAccount, Trouble::QuotaExhausted)
    }

    /// The key's own quota is used up until then; the answer may know better.
    pub const fn key_spent(until: Reset) -> Self {
        Self::new(Blame::Key, Rests::Stated(until), Next::OtherKey, Trouble::QuotaExhausted)
    }

    /// The quota of this model on this account is used up until then; the answer may know better.
    pub const fn model_spent(until: Reset) -> Self {
        Self::new(Blame::ModelOnKey, Rests::Stated(until), Next::OtherAccount, Trouble::QuotaExhausted)
    }

    /// The same, with another duration.
    #[must_use]
    pub const fn resting(self, rests: Rests) -> Self {
        Self { rests, ..self }
    }

    const fn new(blame: Blame, rests: Rests, next: Next, trouble: Trouble) -> Self {
        Self { blame, rests, next, trouble }
    }
}

/// What a status alone says for certain when no vendor's table knew better.
pub static BY_STATUS: &[Rule] = &[
    Rule::on(&[408], Then::FAILED, "the provider timed out"),
    Rule::on(&[413], Then::BAD_REQUEST, "the request is too large"),
    Rule::on(&[499], Then::BAD_REQUEST, "the call was cancelled"),
    Rule::on(&[502, 504, 520, 521, 522, 523, 524], Then::FAILED, "the provider cannot be reached behind its gateway"),
    Rule::on(&[529], Then::BUSY, "the provider is overloaded"),
];

/// What a status alone suggests, when the answer has a shape that no table knows. Careful: nothing that would keep a
/// key from coming back, except where the status can mean nothing else.
pub static UNKNOWN_BY_STATUS: &[Rule] = &[
    Rule::on(&[401], Then::REJECTED, "the provider refused the key"),
    Rule::on(&[402], Then::NO_CREDIT, "the account has to pay first"),
    Rule::on(&[403], Then::PERHAPS_NO_PERMISSION, "the key may not do this"),
    Rule::on(&[429], Then::PERHAPS_LIMITED, "too many requests"),
    Rule::on(&[503], Then::BUSY, "the provider is overloaded"),
];

impl Rule {
    /// By status alone.
    pub const fn on(status: &'static [u16], then: Then, why: &'static str) -> Self {
        Self { status, is_status_decisive: false, code: "", kind: "", text: "", then, why, source: "" }
    }

    /// By code or reason, with any status.
    pub const fn code(code: &'static str, then: Then, why: &'static str) -> Self {
        Self { code, ..Self::on(&[], then, why) }
    }

    /// By type, with any status.
    pub const fn kind(kind: &'static str, then: Then, why: &'static str) -> Self {
        Self { kind, ..Self::on(&[], then, why) }
    }

    /// By words of the message, with these statuses.
    pub const fn text(status: &'static [u16], text: &'static str, then: Then, why: &'static str) -> Self {
        Self { text, ..Self::on(status, then, why) }
    }

    /// The same, but only with these statuses.
    #[must_use]
    pub const fn only(self, status: &'static [u16]) -> Self {
        Self { status, ..self }
    }

    /// The same, but only with this status, which makes the difference to the same words with another one.
    #[must_use]
    pub const fn decided_by(self, status: &'static [u16]) -> Self {
        Self { status, is_status_decisive: true, ..self }
    }

    /// The same, but only with these words in the message.
    #[must_use]
    pub const fn saying(self, text: &'static str) -> Self {
        Self { text, ..self }
    }

    /// The same; no answer was recorded, this document says so.
    #[must_use]
    pub const fn documented(self, source: &'static str) -> Self {
        Self { source, ..self }
    }

    /// An error inside a good answer that names no status: there, code, type and whole phrases decide. A single word
    /// (`model`, `credit`) says too little without the status that it came with.
    pub(super) fn fits(&self, said: &Said) -> bool {
        let is_telling = !self.code.is_empty() || !self.kind.is_empty() || self.text.contains(' ');
        let status_fits = match said.status {
            Some(status) => self.status.is_empty() || self.status.contains(&status),
            None => is_telling && !self.is_status_decisive,
        };
        status_fits
            && (self.code.is_empty() || said.codes.iter().any(|code| code.eq_ignore_ascii_case(self.code)))
            && (self.kind.is_empty() || said.kind.eq_ignore_ascii_case(self.kind))
            && (self.text.is_empty() || said.message.contains(self.text))
    }
}
