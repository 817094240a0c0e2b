use keyward_domain::ids::AdminTokenId;
use keyward_domain::principal::{Action, Resource};
use serde::Deserialize;
use utoipa::ToSchema;

use super::AdminTokenView;
use crate::control::Control;
use crate::error::AdminError;
use crate::field::{Cursor, Limit, Page, page_of};
use crate::operation::{Operation, Permit};

/// Lists admin tokens, oldest first.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListAdminTokens {
    /// The cursor of the page before.
    #[schema(value_type = Option<String>)]
    pub cursor: Option<Cursor<AdminTokenId>>,
    /// How many.
    #[serde(default)]
    pub limit: Limit,
}

impl Operation for ListAdminTokens {
    type Output = Page<AdminTokenView>;
    const NAME: &'static str = "admin_token.list";
    const ACTION: Action = Action::Administer;
    const RESOURCE: Resource = Resource::Team;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<Page<AdminTokenView>, AdminError> {
        let records = control.records().await?;
        let now = control.now();
        let mut tokens: Vec<_> = records
            .admin_tokens
            .iter()
            .filter(|token| self.cursor.as_ref().is_none_or(|cursor| token.id > cursor.0))
            .collect();
        tokens.sort_by_key(|token| token.id);
        let views =
            tokens.into_iter().take(self.limit.as_len() + 1).map(|token| AdminTokenView::of(token, &records, now));
        Ok(page_of(views.collect(), self.limit, |view| view.id.clone()))
    }
}
