use keyward_domain::ids::TeamId;
use keyward_domain::principal::{Action, Resource};
use keyward_domain::tenancy::Team;
use serde::Deserialize;
use utoipa::ToSchema;

use super::TeamView;
use crate::control::Control;
use crate::error::AdminError;
use crate::field::{Cursor, Limit, Page, Reference, page_of};
use crate::operation::{Operation, Permit};

/// Lists teams, oldest first.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListTeams {
    /// Only this tenant's: its id or name.
    pub tenant: Option<Reference>,
    /// The cursor of the page before.
    #[schema(value_type = Option<String>)]
    pub cursor: Option<Cursor<TeamId>>,
    /// How many.
    #[serde(default)]
    pub limit: Limit,
}

impl Operation for ListTeams {
    type Output = Page<TeamView>;
    const NAME: &'static str = "team.list";
    const ACTION: Action = Action::Read;
    const RESOURCE: Resource = Resource::Team;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<Page<TeamView>, AdminError> {
        let records = control.records().await?;
        let tenant = match &self.tenant {
            Some(reference) => Some(Control::find_tenant(&records, reference)?.id),
            None => None,
        };
        let wanted = |team: &&Team| {
            tenant.is_none_or(|tenant| team.tenant == tenant)
                && self.cursor.as_ref().is_none_or(|cursor| team.id > cursor.0)
        };
        let mut teams: Vec<_> = records.teams.iter().filter(wanted).collect();
        teams.sort_by_key(|team| team.id);
        let views = teams.into_iter().take(self.limit.as_len() + 1).map(|team| TeamView::of(team, &records));
        Ok(page_of(views.collect(), self.limit, |view| view.id.clone()))
    }
}
