//! On which terms a key of the file is used.

use keyward_admin::field::{Concurrency, KeyModelPattern, KeyTags, Moment, Name, Requests, Tier, Tokens, Usd, Weight};
use keyward_admin::operation::key::MAX_PATTERNS;
use keyward_domain::money::Nanodollars;
use keyward_domain::routing::{KeyLimits, KeyTerms};

use super::section::{Field, Names, Section};

pub(super) const LIMITS: Names = Names { known: &["rpm", "tpm", "rpd", "concurrency"], later: &["tpd", "ipm"] };
pub(super) const BUDGET: Names = Names { known: &["usd", "per"], later: &["zone", "alert_at"] };

/// What the fields of a key say about its use; its end may lie in the past, so that a server still starts then.
pub fn read(key: &Section<'_>) -> KeyTerms {
    let new = KeyTerms::default();
    KeyTerms {
        quota_group: key.field("quota_group").and_then(|field| field.parsed::<Name>()).map(Name::into_string),
        weight: key.field("weight").and_then(|field| field.whole()).map_or(new.weight, |weight: Weight| weight.0),
        tier: key.field("tier").and_then(|field| field.whole()).map_or(new.tier, |tier: Tier| tier.0),
        models: key.field("models").map(|field| models(&field)).unwrap_or_default(),
        tags: key.field("tags").map(|field| tags(&field)).unwrap_or_default().into_map(),
        limits: KeyLimits {
            daily_cost: key.field("budget").and_then(budget),
            ..key.field("limits").map(limits).unwrap_or_default()
        },
        expires_at: key.field("expires").and_then(|field| field.parsed::<Moment>()).map(|end| end.0),
    }
}

fn models(field: &Field<'_>) -> Vec<String> {
    let items = field.items();
    if items.len() > MAX_PATTERNS {
        field.wrong(format!("takes at most {MAX_PATTERNS} patterns; `*` stands for any text"));
    }
    items.iter().filter_map(Field::parsed::<KeyModelPattern>).map(KeyModelPattern::into_string).collect()
}

fn tags(field: &Field<'_>) -> KeyTags {
    let mut tags = KeyTags::default();
    for entry in field.entries() {
        let value = field.child(entry);
        if let Some(text) = value.text()
            && let Err(rule) = tags.add(&entry.name, text)
        {
            // The name of a tag may be a secret in the wrong place too.
            field.wrong(rule);
        }
    }
    tags
}

fn limits(field: Field<'_>) -> KeyLimits {
    let section = field.section(&LIMITS);
    let requests = |name: &str| section.field(name).and_then(|field| field.whole()).map(|limit: Requests| limit.0);
    KeyLimits {
        rpm: requests("rpm"),
        tpm: section.field("tpm").and_then(|field| field.whole()).map(|limit: Tokens| limit.0),
        rpd: requests("rpd"),
        concurrency: section.field("concurrency").and_then(|field| field.whole()).map(|limit: Concurrency| limit.0),
        daily_cost: None,
    }
}

fn budget(field: Field<'_>) -> Option<Nanodollars> {
    let (place, path) = (field.node.place.clone(), field.path.clone());
    let section = field.section(&BUDGET);
    let usd = section.field("usd").map(|field| field.parsed::<Usd>());
    let per = section.field("per").map(|field| field.word(&[("day", ())]));
    if usd.is_none() || per.is_none() {
        section.report().add(&place, &path, "needs an amount and its window: `{ usd: 100, per: day }`");
    }
    Some(usd??.0)
}
