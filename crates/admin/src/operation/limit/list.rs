use keyward_domain::ids::LimitId;
use keyward_domain::limit;
use keyward_domain::principal::Action;
use serde::Deserialize;
use utoipa::ToSchema;

use super::LimitView;
use crate::control::{Control, resolve_reach};
use crate::error::AdminError;
use crate::field::{Cursor, Limit, Page, ReachText, page_of};
use crate::operation::{Operation, Permit};

/// Lists limits.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListLimits {
    /// Only those that are set on this.
    #[schema(value_type = Option<String>)]
    pub scope: Option<ReachText>,
    /// The cursor of the page before.
    #[schema(value_type = Option<String>)]
    pub cursor: Option<Cursor<LimitId>>,
    /// How many.
    #[serde(default)]
    pub limit: Limit,
}

impl Operation for ListLimits {
    type Output = Page<LimitView>;
    const NAME: &'static str = "limit.list";
    const ACTION: Action = Action::Read;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<Page<LimitView>, AdminError> {
        let records = control.records().await?;
        let on = self.scope.map(|scope| resolve_reach(&records, &scope)).transpose()?;
        let wanted = |limit: &&limit::Limit| {
            let is_there = |(tenant, reach): &(_, _)| limit.tenant == *tenant && limit.reach == *reach;
            on.as_ref().is_none_or(is_there) && self.cursor.as_ref().is_none_or(|cursor| limit.id > cursor.0)
        };
        let mut limits: Vec<_> = records.limits.iter().filter(wanted).collect();
        limits.sort_by_key(|limit| limit.id);
        let views = limits.into_iter().take(self.limit.as_len() + 1).map(|limit| LimitView::of(limit, &records));
        Ok(page_of(views.collect(), self.limit, |view| view.id.clone()))
    }
}
