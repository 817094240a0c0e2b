//! What the answers of the simulated providers are judged to mean: the same as the rules in
//! `crates/provider/src/judgement/rule.rs` say of such answers.

use keyward_domain::judgement::{Blame, Judgement, Lasts, Next, Trouble};
use keyward_domain::time::Timestamp;

/// 500, `server_error`.
pub fn failed() -> Judgement {
    judgement(Blame::Provider, Lasts::Moment, Next::Retry, Trouble::Failed, "the provider failed")
}

/// 401, `invalid_api_key`.
pub fn rejected() -> Judgement {
    judgement(Blame::Key, Lasts::Human, Next::OtherKey, Trouble::Rejected, "the key is wrong, revoked or expired")
}

/// 429, `insufficient_quota`.
pub fn no_credit() -> Judgement {
    let trouble = Trouble::QuotaExhausted;
    judgement(Blame::Account, Lasts::Human, Next::OtherAccount, trouble, "the prepaid credit is used up")
}

/// 429, with `retry-after`.
pub fn limited(until: Timestamp) -> Judgement {
    let trouble = Trouble::RateLimited;
    judgement(Blame::Account, Lasts::Until(until), Next::OtherAccount, trouble, "too many requests or tokens")
}

/// 429 about the day, with the time of its end.
pub fn used_up(until: Timestamp) -> Judgement {
    let trouble = Trouble::QuotaExhausted;
    judgement(Blame::Account, Lasts::Until(until), Next::OtherAccount, trouble, "the daily limit is reached")
}

/// 403 without a reason.
pub fn forbidden() -> Judgement {
    let trouble = Trouble::NoPermission;
    judgement(Blame::ModelOnKey, Lasts::Moment, Next::OtherKey, trouble, "the key may not do this")
}

fn judgement(blame: Blame, lasts: Lasts, next: Next, trouble: Trouble, reason: &'static str) -> Judgement {
    Judgement { blame, lasts, next, trouble, reason: reason.into(), known: true }
}
