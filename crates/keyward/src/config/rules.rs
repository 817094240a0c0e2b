//! `rules` of a provider of the file: what its answers mean, before the tables that are built in.

use keyward_admin::operation::provider::WRONG_LASTS;
use keyward_domain::judgement::{Blame, Next, Rest, RuleOverride, Trouble};

use super::section::{Field, Names};

pub(super) const RULE: Names = Names {
    known: &["status", "code", "contains", "blame", "lasts", "next", "trouble", "reason"],
    later: &["headers", "model"],
};
const NEXTS: [Next; 6] =
    [Next::Use, Next::Retry, Next::OtherKey, Next::OtherAccount, Next::OtherDeployment, Next::GiveUp];

/// The rules that make sense; what does not is told with its place.
pub fn read(field: &Field<'_>) -> Vec<RuleOverride> {
    let rules: Vec<_> = field.items().into_iter().filter_map(rule).collect();
    if let Err((_, bad)) = RuleOverride::check_all(&rules) {
        field.wrong(bad.to_string());
    }
    rules
}

fn rule(item: Field<'_>) -> Option<RuleOverride> {
    let (place, path) = (item.node.place.clone(), item.path.clone());
    let section = item.section(&RULE);
    let text = |name: &str| section.field(name).and_then(|field| field.text()).map(str::to_owned);
    let status = section.field("status").and_then(|field| field.number(200..=599));
    let blame = section.field("blame").map(|field| field.word(&Blame::ALL.map(|blame| (blame.as_str(), blame))));
    let lasts = section.field("lasts").map(|field| {
        let lasts = field.text()?.parse::<Rest>();
        lasts.map_err(|_| field.wrong(WRONG_LASTS)).ok()
    });
    if blame.is_none() || lasts.is_none() {
        section.report().add(&place, &path, "every rule says whose trouble it is (`blame`) and how long it `lasts`");
    }
    let rule = RuleOverride {
        status: status.and_then(|status| u16::try_from(status).ok()),
        code: text("code"),
        contains: text("contains"),
        blame: blame??,
        lasts: lasts??,
        next: section.field("next").and_then(|field| field.word(&NEXTS.map(|next| (next.as_str(), next)))),
        trouble: section
            .field("trouble")
            .and_then(|field| field.word(&Trouble::ALL.map(|trouble| (trouble.as_str(), trouble)))),
        reason: text("reason"),
    };
    match rule.check() {
        Ok(()) => Some(rule),
        Err(bad) => {
            section.report().add(&place, &path, bad.to_string());
            None
        }
    }
}
