//! One line of an error table.

use std::time::Duration;

use super::said::Said;

/// If everything that is given fits, then this follows. Tables are read from the top; the first that fits wins.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// HTTP statuses; empty for any.
    pub status: &'static [u16],
    /// The error's code or reason, exactly; empty for any.
    pub code: &'static str,
    /// The error's type, exactly; empty for any.
    pub kind: &'static str,
    /// Part of the message, in lower case; empty for any.
    pub text: &'static str,
    /// What follows.
    pub then: Then,
    /// What happened, in words for explanations.
    pub why: &'static str,
}

/// What follows from a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Pass the answer on.
    Use,
    /// Another deployment.
    NextDeployment,
    /// We sent something that we must not send.
    OurFault,
    /// Another key; this one is refused.
    Rejected,
    /// Another key; this one may not.
    NoPermission,
    /// Another key; this one cannot pay.
    NoCredit,
    /// Another key; this one rests for as long as the provider says.
    RateLimited,
    /// Another key; this one rests for exactly this long, whatever the provider says.
    RestsFor(Duration),
    /// Another key; this one has no such model.
    ModelMissing,
}

/// What a status alone means when no vendor's table knew better.
pub(super) static BY_STATUS: &[Rule] = &[
    Rule::on(&[401], Then::Rejected, "the provider refused the key"),
    Rule::on(&[402], Then::NoCredit, "the account has to pay first"),
    Rule::on(&[403], Then::NoPermission, "the key may not do this"),
    Rule::on(&[429], Then::RateLimited, "too many requests"),
    Rule::on(&[408], Then::NextDeployment, "the provider timed out"),
    Rule::on(&[500, 502, 503, 504, 520, 521, 522, 523, 524, 529], Then::NextDeployment, "the provider failed"),
];

impl Rule {
    /// By status alone.
    pub const fn on(status: &'static [u16], then: Then, why: &'static str) -> Self {
        Self { status, code: "", kind: "", text: "", then, why }
    }

    /// By code or reason, with any status.
    pub const fn code(code: &'static str, then: Then, why: &'static str) -> Self {
        Self { status: &[], code, kind: "", text: "", then, why }
    }

    /// By type, with any status.
    pub const fn kind(kind: &'static str, then: Then, why: &'static str) -> Self {
        Self { status: &[], code: "", kind, text: "", then, why }
    }

    /// By words of the message, with these statuses.
    pub const fn text(status: &'static [u16], text: &'static str, then: Then, why: &'static str) -> Self {
        Self { status, code: "", kind: "", text, then, why }
    }

    /// The same, but only with these statuses.
    #[must_use]
    pub const fn only(self, status: &'static [u16]) -> Self {
        Self { status, ..self }
    }

    /// The same, but only with these words in the message.
    #[must_use]
    pub const fn saying(self, text: &'static str) -> Self {
        Self { text, ..self }
    }

    pub(super) fn fits(&self, said: &Said) -> bool {
        (self.status.is_empty() || self.status.contains(&said.status))
            && (self.code.is_empty() || said.codes.iter().any(|code| code == self.code))
            && (self.kind.is_empty() || said.kind == self.kind)
            && (self.text.is_empty() || said.message.contains(self.text))
    }
}
