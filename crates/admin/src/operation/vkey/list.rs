use keyward_domain::ancestry::Ancestry;
use keyward_domain::principal::{Action, Resource};
use keyward_domain::token::TokenId;
use keyward_domain::virtual_key::{KeyStatus, VirtualKey};
use serde::Deserialize;
use utoipa::ToSchema;

use super::VkeyView;
use crate::control::Control;
use crate::error::AdminError;
use crate::field::{Cursor, Flag, Limit, Page, Reference, page_of};
use crate::operation::{Operation, Permit};

/// Lists virtual keys.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListVkeys {
    /// Only this tenant's: its id or name.
    pub tenant: Option<Reference>,
    /// Only this team's, those of its users included: its id or name.
    pub team: Option<Reference>,
    /// Only this user's: their id or name.
    pub user: Option<Reference>,
    /// Whether to list revoked ones too.
    #[serde(default)]
    #[schema(value_type = bool)]
    pub revoked: Flag,
    /// The cursor of the page before.
    #[schema(value_type = Option<String>)]
    pub cursor: Option<Cursor<TokenId>>,
    /// How many.
    #[serde(default)]
    pub limit: Limit,
}

impl Operation for ListVkeys {
    type Output = Page<VkeyView>;
    const NAME: &'static str = "vkey.list";
    const ACTION: Action = Action::Read;
    const RESOURCE: Resource = Resource::Team;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<Page<VkeyView>, AdminError> {
        let records = control.records().await?;
        let now = control.now();
        let tenant = self.tenant.as_ref().map(|tenant| Control::find_tenant(&records, tenant)).transpose()?;
        let team = self.team.as_ref().map(|team| Control::find_team(&records, team)).transpose()?;
        let user = self.user.as_ref().map(|user| Control::find_user(&records, user)).transpose()?;
        let ancestry = Ancestry::of(&records);
        let wanted = |key: &&VirtualKey| {
            tenant.as_ref().is_none_or(|tenant| key.tenant == tenant.id)
                && team.is_none_or(|team| ancestry.team_of(key) == Some(team.id))
                && user.is_none_or(|user| key.user == Some(user.id))
                && (self.revoked.0 || key.status != KeyStatus::Revoked)
                && self.cursor.as_ref().is_none_or(|cursor| key.id > cursor.0)
        };
        let mut keys: Vec<_> = records.virtual_keys.iter().filter(wanted).collect();
        keys.sort_by_key(|key| key.id);
        let views = keys.into_iter().take(self.limit.as_len() + 1).map(|key| VkeyView::of(key, &records, now));
        Ok(page_of(views.collect(), self.limit, |view| view.id.clone()))
    }
}
