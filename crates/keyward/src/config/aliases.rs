//! `aliases:` of the config.

use keyward_admin::field::{Name, Target};

use super::checked::FileAlias;
use super::node::Value;
use super::section::{Field, Names};

pub(super) const ALIAS: Names =
    Names { known: &["targets"], later: &["strategy", "fallback", "fallback_on", "tags", "weight", "timeout_ms"] };
/// As many as the control plane allows.
const MAX_TARGETS: usize = 16;

/// Every alias of the file.
pub fn read(field: &Field<'_>) -> Vec<FileAlias> {
    field.entries().iter().filter_map(|entry| alias(&entry.name, field.child(entry))).collect()
}

fn alias(name: &str, field: Field<'_>) -> Option<FileAlias> {
    if let Err(rule) = Name::try_from(name.to_owned()) {
        field.wrong(rule);
    }
    let (place, path) = (field.node.place.clone(), field.path.clone());
    let section = field.section(&ALIAS);
    let Some(targets) = section.field("targets") else {
        section.report().add(&place, &path, "needs `targets`, such as `targets: [openai/gpt-4o-mini]`");
        return None;
    };
    let items = targets.items();
    if items.is_empty() || items.len() > MAX_TARGETS {
        targets.wrong(format!("takes 1 to {MAX_TARGETS} targets"));
    }
    let targets = items.iter().filter_map(target).collect();
    Some(FileAlias { name: name.to_owned(), targets })
}

fn target(item: &Field<'_>) -> Option<String> {
    if matches!(item.node.value, Value::Map(_)) {
        item.wrong("targets with weights are not supported in this version: write `provider/model`");
        return None;
    }
    let text = item.text()?;
    if let Err(rule) = Target::try_from(text.to_owned()) {
        item.wrong(format!("{rule}, such as `openai/gpt-4o-mini`"));
    }
    Some(text.to_owned())
}
