//! The operator's own rules, which go before the tables.

use std::borrow::Cow;
use std::time::Duration;

use keyward_domain::judgement::{Blame, Next, Rest, RuleOverride, Trouble};

use super::calendar::Reset;
use super::lasting::MAX_MOMENT;
use super::rule::{Rests, Then};
use super::said::Said;

/// What explanations say where the operator gave no reason.
const REASON: &str = "a rule of the operator says so";

/// What follows from the first rule that fits.
pub(super) fn first_fit(rules: &[RuleOverride], said: &Said) -> Option<(Then, Cow<'static, str>)> {
    let rule = rules.iter().find(|rule| fits(rule, said))?;
    let reason = rule.reason.clone().map_or(Cow::Borrowed(REASON), Cow::Owned);
    Some((then(rule), reason))
}

/// An error inside a good answer goes by the status that it names, and by 200.
fn fits(rule: &RuleOverride, said: &Said) -> bool {
    let is_code =
        |code: &String| said.kind.eq_ignore_ascii_case(code) || said.codes.iter().any(|c| c.eq_ignore_ascii_case(code));
    rule.status.is_none_or(|status| said.status == Some(status) || (said.is_in_band && status == 200))
        && rule.code.as_ref().is_none_or(is_code)
        && rule.contains.as_ref().is_none_or(|text| said.message.contains(&text.to_lowercase()))
}

fn then(rule: &RuleOverride) -> Then {
    let rests = match rule.lasts {
        Rest::Moment => Rests::Stated(Reset::Moment),
        Rest::For(length) => Rests::Exactly(Reset::In(length)),
        Rest::Human => Rests::Exactly(Reset::Human),
    };
    Then {
        blame: rule.blame,
        rests,
        next: rule.next.unwrap_or(usual_next(rule.blame)),
        trouble: rule.trouble.unwrap_or_else(|| usual_trouble(rule.blame, rule.lasts)),
    }
}

const fn usual_next(blame: Blame) -> Next {
    match blame {
        Blame::Request => Next::Use,
        Blame::Key | Blame::ModelOnKey => Next::OtherKey,
        Blame::Account => Next::OtherAccount,
        Blame::Model | Blame::Provider => Next::OtherDeployment,
        Blame::Network => Next::Retry,
    }
}

fn usual_trouble(blame: Blame, lasts: Rest) -> Trouble {
    let is_long = |length: Duration| length > MAX_MOMENT;
    match (blame, lasts) {
        (Blame::Request, _) => Trouble::BadRequest,
        (Blame::Key, Rest::Human) => Trouble::Rejected,
        (Blame::ModelOnKey, Rest::Human) => Trouble::NoPermission,
        (Blame::Account, Rest::Human) => Trouble::QuotaExhausted,
        (Blame::Key | Blame::Account | Blame::ModelOnKey, Rest::For(length)) if is_long(length) => {
            Trouble::QuotaExhausted
        }
        (Blame::Key | Blame::Account | Blame::ModelOnKey, _) => Trouble::RateLimited,
        (Blame::Model, Rest::Human) => Trouble::ModelMissing,
        (Blame::Model, _) => Trouble::Overloaded,
        (Blame::Provider, _) => Trouble::Failed,
        (Blame::Network, _) => Trouble::NotAnswered,
    }
}
