//! `providers:` of the config: what the file owns.

use keyward_admin::field::Name;
use keyward_domain::provider::ProviderKind;
use keyward_domain::routing::Strategy;

use super::checked::{FileKey, FileProvider};
use super::section::{Field, Names};
use super::{rules, terms};

pub(super) const PROVIDER: Names = Names {
    known: &["kind", "base_url", "keys", "enabled", "free", "catalog", "strategy", "concurrency", "rules"],
    later: &[
        "limits",
        "budget",
        "budgets",
        "region",
        "headers",
        "proxy",
        "timeouts",
        "deadlines",
        "models",
        "weight",
        "tags",
        "health",
        "quota_group",
    ],
};
pub(super) const KEY: Names = Names {
    known: &[
        "name",
        "key",
        "enabled",
        "quota_group",
        "weight",
        "tier",
        "models",
        "tags",
        "limits",
        "budget",
        "expires",
    ],
    later: &["organization", "project", "region"],
};
/// The sandbox is built in and needs no configuration.
const KINDS: [(&str, ProviderKind); 5] = [
    ("openai", ProviderKind::OpenAi),
    ("anthropic", ProviderKind::Anthropic),
    ("gemini", ProviderKind::Gemini),
    ("openai_compatible", ProviderKind::OpenAiCompatible),
    ("sandbox", ProviderKind::Sandbox),
];
/// How many keys one provider may have in the file.
const MAX_KEYS: usize = 1000;

/// Every provider of the file.
pub fn read(field: &Field<'_>) -> Vec<FileProvider> {
    field.entries().iter().map(|entry| provider(&entry.name, field.child(entry))).collect()
}

fn provider(name: &str, field: Field<'_>) -> FileProvider {
    check_name(name, &field);
    let place = field.node.place.clone();
    let section = field.section(&PROVIDER);
    FileProvider {
        name: name.to_owned(),
        kind: section.field("kind").and_then(|field| field.word(&KINDS)),
        base_url: section.field("base_url").and_then(|field| field.base_url()),
        enabled: section.field("enabled").and_then(|field| field.boolean()).unwrap_or(true),
        free: section.field("free").and_then(|field| field.boolean()).unwrap_or(false),
        strategy: section
            .field("strategy")
            .and_then(|field| field.word(&Strategy::ALL.map(|strategy| (strategy.as_str(), strategy))))
            .unwrap_or_default(),
        concurrency: section.field("concurrency").and_then(|field| field.parsed()).unwrap_or_default(),
        rules: section.field("rules").map(|field| rules::read(&field)).unwrap_or_default(),
        catalog: section.field("catalog").and_then(|field| field.text()).map(str::to_owned),
        keys: section.field("keys").map(|field| keys(&field)).unwrap_or_default(),
        place,
    }
}

fn keys(field: &Field<'_>) -> Vec<FileKey> {
    let mut keys: Vec<FileKey> = Vec::new();
    for item in field.items() {
        if keys.len() == MAX_KEYS {
            item.wrong(format!("a provider has at most {MAX_KEYS} keys in the file"));
            break;
        }
        let Some(key) = key(item) else { continue };
        if let Some(first) = keys.iter().find(|other| other.name == key.name) {
            field.wrong(format!("two keys are called `{}`; the first is at {}", key.name, first.place));
        }
        keys.push(key);
    }
    keys
}

fn key(item: Field<'_>) -> Option<FileKey> {
    let place = item.node.place.clone();
    let missing = |section: &super::section::Section<'_>| {
        section.report().add(&place, "providers", "every key needs a `name`");
    };
    let section = item.section(&KEY);
    let Some(name) = section.field("name") else {
        missing(&section);
        return None;
    };
    let text = name.text()?;
    check_name(text, &name);
    // What is written there is never repeated: it may be the key itself.
    let reference = section.field("key").and_then(|field| {
        let parsed = field.text()?.parse();
        parsed.map_err(|error: keyward_source::SourceError| field.wrong(error.to_string())).ok()
    });
    let enabled = section.field("enabled").and_then(|field| field.boolean()).unwrap_or(true);
    let terms = terms::read(&section);
    Some(FileKey { name: text.to_owned(), reference, enabled, terms, place: place.clone() })
}

/// The file's names follow the same rule as everybody else's.
fn check_name(name: &str, field: &Field<'_>) {
    if let Err(rule) = Name::try_from(name.to_owned()) {
        field.wrong(rule);
    }
}
