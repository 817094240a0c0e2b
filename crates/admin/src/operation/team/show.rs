use keyward_domain::principal::{Action, Resource};
use serde::Deserialize;
use utoipa::ToSchema;

use super::TeamView;
use crate::control::Control;
use crate::error::AdminError;
use crate::field::Reference;
use crate::operation::{Operation, Permit};

/// Shows one team.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowTeam {
    /// Its id, its name, or `tenant/name`.
    pub team: Reference,
}

impl Operation for ShowTeam {
    type Output = TeamView;
    const NAME: &'static str = "team.show";
    const ACTION: Action = Action::Read;
    const RESOURCE: Resource = Resource::Team;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<TeamView, AdminError> {
        let records = control.records().await?;
        Ok(TeamView::of(Control::find_team(&records, &self.team)?, &records))
    }

    fn revision(output: &TeamView) -> Option<u64> {
        Some(output.revision)
    }
}
