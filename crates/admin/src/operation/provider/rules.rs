use keyward_domain::judgement::{Blame, Next, RuleOverride, Trouble};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::AdminError;

/// What an operator says that an answer of a provider means. It goes before the tables that are built in; the first
/// rule that fits counts.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleText {
    /// HTTP status of the answer; 200 for an error inside a good answer. Left out, any fits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The error's code, reason or type, in any case. Left out, any fits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Part of the error's message, in any case. Left out, any fits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
    /// Whose trouble it is: `request`, `key`, `account`, `model_on_key`, `model`, `provider`, `network`.
    #[schema(value_type = String)]
    pub blame: Blame,
    /// How long it lasts: `moment` (as long as the answer says), `human` (until a person does something), or a length
    /// such as `30s`, `15m`, `6h`, `1d`.
    pub lasts: String,
    /// What the call does next: `use`, `retry`, `other_key`, `other_account`, `other_deployment`, `give_up`. Left out,
    /// what follows from the blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next: Option<Next>,
    /// What kind of trouble it is, such as `rate_limited`. Left out, what follows from blame and length.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub trouble: Option<Trouble>,
    /// What explanations say about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What is wrong with `lasts`; it is not repeated.
pub const WRONG_LASTS: &str = "`lasts` is `moment`, `human`, or a length like `30s`, `15m`, `6h` or `1d`";

/// The rules of these texts.
pub(super) fn rules_of(texts: Vec<RuleText>) -> Result<Vec<RuleOverride>, AdminError> {
    let wrong = |at: usize, what: String| AdminError::invalid_field("rules", format!("rule {}: {what}.", at + 1));
    let mut rules = Vec::with_capacity(texts.len());
    for (at, text) in texts.into_iter().enumerate() {
        let RuleText { status, code, contains, blame, lasts, next, trouble, reason } = text;
        let lasts = lasts.parse().map_err(|_| wrong(at, WRONG_LASTS.to_owned()))?;
        rules.push(RuleOverride { status, code, contains, blame, lasts, next, trouble, reason });
    }
    RuleOverride::check_all(&rules).map_err(|(at, bad)| wrong(at, bad.to_string()))?;
    Ok(rules)
}

impl RuleText {
    /// The text of a rule.
    pub fn of(rule: &RuleOverride) -> Self {
        let RuleOverride { status, code, contains, blame, lasts, next, trouble, reason } = rule.clone();
        Self { status, code, contains, blame, lasts: lasts.into(), next, trouble, reason }
    }
}
