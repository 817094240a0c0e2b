use keyward_domain::ids::UserId;
use keyward_domain::principal::{Action, Resource};
use keyward_domain::tenancy::User;
use serde::Deserialize;
use utoipa::ToSchema;

use super::UserView;
use crate::control::Control;
use crate::error::AdminError;
use crate::field::{Cursor, Limit, Page, Reference, page_of};
use crate::operation::{Operation, Permit};

/// Lists users, oldest first.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListUsers {
    /// Only this tenant's: its id or name.
    pub tenant: Option<Reference>,
    /// Only this team's: its id or name.
    pub team: Option<Reference>,
    /// The cursor of the page before.
    #[schema(value_type = Option<String>)]
    pub cursor: Option<Cursor<UserId>>,
    /// How many.
    #[serde(default)]
    pub limit: Limit,
}

impl Operation for ListUsers {
    type Output = Page<UserView>;
    const NAME: &'static str = "user.list";
    const ACTION: Action = Action::Read;
    const RESOURCE: Resource = Resource::Team;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<Page<UserView>, AdminError> {
        let records = control.records().await?;
        let tenant = match &self.tenant {
            Some(reference) => Some(Control::find_tenant(&records, reference)?.id),
            None => None,
        };
        let team = match &self.team {
            Some(reference) => Some(Control::find_team(&records, reference)?.id),
            None => None,
        };
        let wanted = |user: &&User| {
            tenant.is_none_or(|tenant| user.tenant == tenant)
                && team.is_none_or(|team| user.team == Some(team))
                && self.cursor.as_ref().is_none_or(|cursor| user.id > cursor.0)
        };
        let mut users: Vec<_> = records.users.iter().filter(wanted).collect();
        users.sort_by_key(|user| user.id);
        let views = users.into_iter().take(self.limit.as_len() + 1).map(|user| UserView::of(user, &records));
        Ok(page_of(views.collect(), self.limit, |view| view.id.clone()))
    }
}
