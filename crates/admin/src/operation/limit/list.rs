use keyward_domain::ids::LimitId;
use keyward_domain::limit;
use keyward_domain::principal::{Action, Resource};
use serde::Deserialize;
use utoipa::ToSchema;

use super::LimitView;
use crate::control::{Control, Whose};
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
    /// Only those that apply to this one scope, such as `user:ada`: set on it, or on each of its kind. The figures are
    /// its own.
    #[schema(value_type = Option<String>)]
    pub applies_to: Option<ReachText>,
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
    const RESOURCE: Resource = Resource::Tenant;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<Page<LimitView>, AdminError> {
        let records = control.records().await?;
        let on = self.scope.map(|scope| control.reach_of(&records, &scope)).transpose()?;
        let applies_to = self.applies_to.map(|scope| control.scope_of(&records, &scope)).transpose()?;
        let whose = applies_to.map_or(Whose::Most(0), |(tenant, scope)| Whose::This(tenant, scope));
        let wanted = |limit: &&limit::Limit| {
            let is_there = |(tenant, reach): &(_, _)| limit.tenant == *tenant && limit.reach == *reach;
            on.as_ref().is_none_or(is_there)
                && whose.is_reached_by(limit.tenant, &limit.reach)
                && self.cursor.as_ref().is_none_or(|cursor| limit.id > cursor.0)
        };
        let mut limits: Vec<_> = records.limits.iter().filter(wanted).collect();
        limits.sort_by_key(|limit| limit.id);
        let limits = limits.into_iter().take(self.limit.as_len() + 1).cloned().collect();
        let scope = if let Whose::This(_, scope) = &whose { Some(scope) } else { None };
        let views = LimitView::of_all(control, limits, &records, scope).await;
        Ok(page_of(views, self.limit, |view| view.id.clone()))
    }
}
