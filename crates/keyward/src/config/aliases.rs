//! `aliases:` of the config.

use std::collections::BTreeMap;

use keyward_admin::control::{MAX_TARGETS, leads_back};
use keyward_admin::field::{Name, Target, Weight};
use keyward_domain::alias::TargetOrder;
use keyward_domain::routing::FallbackClass;

use super::checked::{FileAlias, FileTarget};
use super::node::{Entry, Value};
use super::section::{Field, Names, Section};

pub(super) const ALIAS: Names =
    Names { known: &["targets", "strategy", "fallback", "fallback_on"], later: &["tags", "weight", "timeout_ms"] };
pub(super) const FALLBACK_ON: Names =
    Names { known: &["context_too_long", "content_policy", "overloaded"], later: &[] };
const TARGET: Names = Names { known: &["deployment", "weight"], later: &["region", "timeout_ms"] };

/// Every alias of the file.
pub fn read(field: &Field<'_>) -> Vec<FileAlias> {
    let entries = field.entries();
    entries.iter().filter_map(|entry| alias(entry, field.child(entry), entries)).collect()
}

fn alias(entry: &Entry, field: Field<'_>, all: &[Entry]) -> Option<FileAlias> {
    if let Err(rule) = Name::try_from(entry.name.clone()) {
        field.wrong(rule);
    }
    let (place, path) = (field.node.place.clone(), field.path.clone());
    let section = field.section(&ALIAS);
    let strategy = section.field("strategy");
    let said = strategy.as_ref().and_then(|field| field.word(&TargetOrder::ALL.map(|order| (order.as_str(), order))));
    let targets = section.field("targets");
    if targets.is_none() {
        section.report().add(&place, &path, "needs `targets`, such as `targets: [openai/gpt-4o-mini]`");
    }
    let targets = targets.map(|field| deployments(&field, all)).unwrap_or_default();
    let weighed = targets.iter().any(|(_, weight)| weight.is_some());
    if weighed
        && let (Some(field), Some(order)) = (&strategy, said)
        && order != TargetOrder::Weighted
    {
        field.wrong("weights count with the strategy `weighted` alone: leave one of the two out");
    }
    let order = said.unwrap_or(if weighed { TargetOrder::Weighted } else { TargetOrder::default() });
    let weights = targets.iter().filter(|_| weighed).map(|(_, weight)| weight.unwrap_or(1)).collect();
    let targets: Vec<_> = targets.into_iter().map(|(target, _)| target).collect();
    let fallback = fallbacks(&section, &entry.name, &targets, all);
    Some(FileAlias { name: entry.name.clone(), targets, order, weights, fallback })
        .filter(|alias| !alias.targets.is_empty())
}

/// The deployments of a list with their weights, where these were written.
fn deployments(field: &Field<'_>, aliases: &[Entry]) -> Vec<(FileTarget, Option<u16>)> {
    let items = field.items();
    if items.is_empty() || items.len() > MAX_TARGETS {
        field.wrong(format!("takes 1 to {MAX_TARGETS} targets"));
    }
    items.into_iter().filter_map(|item| weighed(item, aliases)).collect()
}

/// `provider/model`, or `{ deployment: provider/model, weight: 3 }`.
fn weighed(item: Field<'_>, aliases: &[Entry]) -> Option<(FileTarget, Option<u16>)> {
    if !matches!(item.node.value, Value::Map(_)) {
        return Some((deployment(&item, aliases)?, None));
    }
    let (place, path) = (item.node.place.clone(), item.path.clone());
    let section = item.section(&TARGET);
    let weight = section.field("weight").and_then(|field| field.whole()).map(|weight: Weight| weight.0);
    let Some(named) = section.field("deployment") else {
        section.report().add(
            &place,
            &path,
            "needs a `deployment`, such as `{ deployment: openai/gpt-4o-mini, weight: 3 }`",
        );
        return None;
    };
    Some((deployment(&named, aliases)?, weight))
}

fn deployment(item: &Field<'_>, aliases: &[Entry]) -> Option<FileTarget> {
    let text = item.text()?;
    match Target::try_from(text.to_owned()) {
        Ok(target) => Some(FileTarget { deployment: target.into_string(), place: item.node.place.clone() }),
        Err(_) if aliases.iter().any(|alias| alias.name == text) => {
            item.wrong(format!(
                "`{text}` is an alias, and aliases lead to deployments, never to one another or in a circle: write what it \
                 stands for, such as `openai/gpt-4o-mini`"
            ));
            None
        }
        Err(rule) => {
            item.wrong(format!("{rule}, such as `openai/gpt-4o-mini`"));
            None
        }
    }
}

fn fallbacks(
    section: &Section<'_>,
    name: &str,
    targets: &[FileTarget],
    aliases: &[Entry],
) -> BTreeMap<FallbackClass, Vec<FileTarget>> {
    let mut fallbacks = BTreeMap::new();
    let by_class = section.section("fallback_on", &FALLBACK_ON);
    let classes = FallbackClass::ALL.into_iter().filter_map(|class| match class {
        FallbackClass::Any => Some((class, section.field("fallback")?)),
        class => Some((class, by_class.field(class.as_str())?)),
    });
    let targets: Vec<String> = targets.iter().map(|target| target.deployment.clone()).collect();
    for (class, field) in classes {
        let items = field.items();
        if items.len() > MAX_TARGETS {
            field.wrong(format!("takes at most {MAX_TARGETS} deployments"));
        }
        let mut named: Vec<FileTarget> = Vec::new();
        for item in &items {
            let Some(fallback) = deployment(item, aliases) else { continue };
            if let Some(why) = leads_back(class, &fallback.deployment, &targets) {
                item.wrong(format!("of `{name}`: {why}"));
            }
            if let Some(first) = named.iter().find(|other| other.deployment == fallback.deployment) {
                item.wrong(format!("is named twice; the first is at {}: keep one", first.place));
            }
            named.push(fallback);
        }
        if !named.is_empty() {
            fallbacks.insert(class, named);
        }
    }
    fallbacks
}
