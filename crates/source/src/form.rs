//! Which vendor's key a secret looks like. The table is data (`data/key_forms.json`), checked most specific first.

use std::sync::LazyLock;

use keyward_domain::secret::Secret;
use regex::bytes::{RegexSet, RegexSetBuilder};
use serde::Deserialize;

const DATA: &str = include_str!("../data/key_forms.json");

/// A known form of key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// Name of the form: `openai_project`.
    pub id: String,
    /// Whose keys look like this; the name that providers have everywhere else.
    pub provider: String,
    /// What people should know before they use such a key.
    #[serde(default)]
    pub warning: Option<String>,
    /// A regular expression for a whole key.
    pattern: String,
    /// Words that have to stand near it, for forms that many things look like; empty when the form speaks for itself.
    near: Vec<String>,
}

/// The form that this secret has, as a whole. Only forms that speak for themselves: 32 letters may be anything.
///
/// `None` means nothing: formats drift, and some vendors' keys have no mark. Warn on a mismatch, never refuse.
pub fn form(secret: &Secret) -> Option<&'static Form> {
    let at = TABLE.set.matches(secret.expose()).iter().next()?;
    TABLE.forms.get(at)
}

/// The provider whose keys look like this secret, by the name that providers have everywhere else.
pub fn classify(secret: &Secret) -> Option<&'static str> {
    form(secret).map(|form| form.provider.as_str())
}

struct Table {
    forms: Vec<Form>,
    set: RegexSet,
}

// The data is part of the program; `tests/form.rs` proves that it is read, every form of it.
static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let forms: Vec<Form> = serde_json::from_str::<Vec<Form>>(DATA)
        .unwrap_or_default()
        .into_iter()
        .filter(|form| form.near.is_empty())
        .collect();
    let whole = forms.iter().map(|form| format!("^(?:{})$", form.pattern));
    match RegexSetBuilder::new(whole).unicode(false).build() {
        Ok(set) => Table { forms, set },
        Err(_) => Table { forms: Vec::new(), set: RegexSet::empty() },
    }
});
