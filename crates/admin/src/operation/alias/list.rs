use std::collections::BTreeMap;

use keyward_domain::alias::Alias;
use keyward_domain::principal::Action;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::control::Control;
use crate::error::AdminError;
use crate::field::{Cursor, Limit, Name, Page, page_of};
use crate::operation::{Operation, Permit};

/// Lists aliases by name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListAliases {
    /// The cursor of the page before.
    #[schema(value_type = Option<String>)]
    pub cursor: Option<Cursor<Name>>,
    /// How many.
    #[serde(default)]
    pub limit: Limit,
}

/// An alias.
#[derive(Debug, Serialize, ToSchema)]
pub struct AliasView {
    /// What clients send as `model`.
    pub name: String,
    /// `provider/model`, in order of preference.
    pub targets: Vec<String>,
    /// In which order they are tried: `listed`, `weighted`, `cost_optimized`, `latency`.
    pub strategy: &'static str,
    /// Share of the calls of each target, in their order; empty means all alike.
    pub weights: Vec<u16>,
    /// `provider/model` to go on to, by what stood in the way: `context_too_long`, `content_policy`, `overloaded`, `any`.
    pub fallback: BTreeMap<&'static str, Vec<String>>,
    /// Grows by one with every change; send it back as `If-Match`.
    pub revision: u64,
}

impl Operation for ListAliases {
    type Output = Page<AliasView>;
    const NAME: &'static str = "alias.list";
    const ACTION: Action = Action::Read;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<Page<AliasView>, AdminError> {
        let records = control.records().await?;
        let after = |alias: &&Alias| self.cursor.as_ref().is_none_or(|cursor| alias.name.as_str() > cursor.0.as_str());
        let mut aliases: Vec<_> = records.aliases.iter().filter(after).collect();
        aliases.sort_by(|a, b| a.name.cmp(&b.name));
        let views = aliases.into_iter().take(self.limit.as_len() + 1).map(AliasView::of);
        Ok(page_of(views.collect(), self.limit, |view| view.name.clone()))
    }
}

impl AliasView {
    /// The view of an alias.
    pub fn of(alias: &Alias) -> Self {
        Self {
            name: alias.name.clone(),
            targets: alias.targets.clone(),
            strategy: alias.order.as_str(),
            weights: alias.weights.clone(),
            fallback: alias.fallback.iter().map(|(class, targets)| (class.as_str(), targets.clone())).collect(),
            revision: alias.revision,
        }
    }
}
