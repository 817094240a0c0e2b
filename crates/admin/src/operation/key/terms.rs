//! On which terms a key is used: what may be said about it, and how it is shown.

use std::collections::BTreeMap;

use keyward_domain::routing::{KeyLimits, KeyTerms};
use keyward_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::AdminError;
use crate::field::{
    Concurrency, Edit, KeyModelPattern, KeyTags, Moment, Name, Requests, Tier, Tokens, Usd, Weight, usd,
};

/// How many model patterns one key has at most.
pub const MAX_PATTERNS: usize = 256;

/// What changes about a key's terms. What is left out stays; `null` takes it back to what a new key has.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TermsChange {
    /// The account whose limits the key shares: keys of one group rest together. `null` for an account of its own.
    #[serde(default)]
    #[schema(value_type = Option<Name>)]
    quota_group: Edit<Name>,
    /// Share of the traffic relative to the other keys; 1 for a new key.
    #[serde(default)]
    #[schema(value_type = Option<u16>, minimum = 1, maximum = 1000)]
    weight: Edit<Weight>,
    /// Keys of a higher tier are used only when no key of a lower one can be; 0 for a new key.
    #[serde(default)]
    #[schema(value_type = Option<u8>, minimum = 0, maximum = 255)]
    tier: Edit<Tier>,
    /// Models that the key may be used for, as the provider names them, with `*` for any text; at most 256. Empty or
    /// `null` for all.
    #[serde(default)]
    #[schema(value_type = Option<Vec<KeyModelPattern>>)]
    models: Edit<Vec<KeyModelPattern>>,
    /// Labels for people and reports, at most 16; they take the place of those before.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    tags: Edit<KeyTags>,
    /// What the key may be used for at most; `null` lifts all limits.
    #[serde(default)]
    #[schema(value_type = Option<LimitsChange>)]
    limits: Edit<LimitsChange>,
    /// From when it is no longer used; `null` for never.
    #[serde(default)]
    #[schema(value_type = Option<Moment>)]
    expires_at: Edit<Moment>,
}

/// What changes about a key's limits. What is left out stays; `null` lifts the limit.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitsChange {
    /// Requests per minute.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1_000_000_000)]
    rpm: Edit<Requests>,
    /// Tokens per minute, input and output.
    #[serde(default)]
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 1_000_000_000_000_u64)]
    tpm: Edit<Tokens>,
    /// Requests per UTC day.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1_000_000_000)]
    rpd: Edit<Requests>,
    /// Calls in flight at once.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1_000_000)]
    concurrency: Edit<Concurrency>,
    /// Cost per UTC day, as a text of US dollars such as `"100"`.
    #[serde(default)]
    #[schema(value_type = Option<Usd>)]
    daily_usd: Edit<Usd>,
}

impl TermsChange {
    /// The terms after the change.
    pub(super) fn over(self, mut terms: KeyTerms, now: Timestamp) -> Result<KeyTerms, AdminError> {
        let new = KeyTerms::default();
        self.quota_group.apply(&mut terms.quota_group, new.quota_group, |group| Some(group.into_string()));
        self.weight.apply(&mut terms.weight, new.weight, |weight| weight.0);
        self.tier.apply(&mut terms.tier, new.tier, |tier| tier.0);
        let patterns =
            |patterns: Vec<KeyModelPattern>| patterns.into_iter().map(KeyModelPattern::into_string).collect();
        self.models.apply(&mut terms.models, new.models, patterns);
        self.tags.apply(&mut terms.tags, new.tags, KeyTags::into_map);
        let limits = terms.limits;
        self.limits.apply(&mut terms.limits, new.limits, |change| change.over(limits));
        let ends_anew = matches!(self.expires_at, Edit::To(_));
        self.expires_at.apply(&mut terms.expires_at, new.expires_at, |end| Some(end.0));
        if terms.models.len() > MAX_PATTERNS {
            let message = "a key names at most 256 models; use patterns with *";
            return Err(AdminError::invalid_field("terms.models", message));
        }
        if ends_anew && terms.expires_at.is_some_and(|end| end <= now) {
            let message = "expires_at lies in the past; to take a key out of use now, disable or retire it";
            return Err(AdminError::invalid_field("terms.expires_at", message));
        }
        Ok(terms)
    }
}

impl LimitsChange {
    fn over(self, mut limits: KeyLimits) -> KeyLimits {
        self.rpm.apply(&mut limits.rpm, None, |rpm| Some(rpm.0));
        self.tpm.apply(&mut limits.tpm, None, |tpm| Some(tpm.0));
        self.rpd.apply(&mut limits.rpd, None, |rpd| Some(rpd.0));
        self.concurrency.apply(&mut limits.concurrency, None, |concurrency| Some(concurrency.0));
        self.daily_usd.apply(&mut limits.daily_cost, None, |cost| Some(cost.0));
        limits
    }
}

/// On which terms a key is used.
#[derive(Debug, Serialize, ToSchema)]
pub struct TermsView {
    /// The account whose limits it shares; `null` for an account of its own.
    pub quota_group: Option<String>,
    /// Share of the traffic relative to the other keys.
    pub weight: u16,
    /// Keys of a higher tier are used only when no key of a lower one can be.
    pub tier: u8,
    /// Models that it may be used for, with `*` for any text; empty for all.
    pub models: Vec<String>,
    /// Labels for people and reports.
    pub tags: BTreeMap<String, String>,
    /// What it may be used for at most.
    pub limits: LimitsView,
    /// From when it is no longer used.
    pub expires_at: Option<Moment>,
}

/// Limits of a key; `null` where there is none.
#[derive(Debug, Serialize, ToSchema)]
pub struct LimitsView {
    /// Requests per minute.
    pub rpm: Option<u32>,
    /// Tokens per minute, input and output.
    pub tpm: Option<u64>,
    /// Requests per UTC day.
    pub rpd: Option<u32>,
    /// Calls in flight at once.
    pub concurrency: Option<u32>,
    /// Cost per UTC day in US dollars.
    pub daily_usd: Option<String>,
}

impl TermsView {
    /// The view of a key's terms.
    pub fn of(terms: &KeyTerms) -> Self {
        let KeyLimits { rpm, tpm, rpd, concurrency, daily_cost } = terms.limits;
        Self {
            quota_group: terms.quota_group.clone(),
            weight: terms.weight,
            tier: terms.tier,
            models: terms.models.clone(),
            tags: terms.tags.clone(),
            limits: LimitsView { rpm, tpm, rpd, concurrency, daily_usd: daily_cost.map(usd) },
            expires_at: terms.expires_at.map(Moment),
        }
    }
}

/// Which parts of the terms differ, by name.
pub(super) fn differences(old: &KeyTerms, new: &KeyTerms) -> Vec<&'static str> {
    let parts = [
        ("quota_group", old.quota_group != new.quota_group),
        ("weight", old.weight != new.weight),
        ("tier", old.tier != new.tier),
        ("models", old.models != new.models),
        ("tags", old.tags != new.tags),
        ("rpm", old.limits.rpm != new.limits.rpm),
        ("tpm", old.limits.tpm != new.limits.tpm),
        ("rpd", old.limits.rpd != new.limits.rpd),
        ("concurrency", old.limits.concurrency != new.limits.concurrency),
        ("daily_usd", old.limits.daily_cost != new.limits.daily_cost),
        ("expires_at", old.expires_at != new.expires_at),
    ];
    parts.into_iter().filter_map(|(part, differs)| differs.then_some(part)).collect()
}
