use keyward_domain::ids::CredentialId;
use keyward_domain::principal::Action;
use serde::Deserialize;
use utoipa::ToSchema;

use super::KeyView;
use crate::control::Control;
use crate::error::AdminError;
use crate::field::{Cursor, Limit, Page, Reference, page_of};
use crate::operation::{Operation, Permit};

/// Lists provider keys, oldest first.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListKeys {
    /// Only this provider's.
    pub provider: Option<Reference>,
    /// The cursor of the page before.
    #[schema(value_type = Option<String>)]
    pub cursor: Option<Cursor<CredentialId>>,
    /// How many.
    #[serde(default)]
    pub limit: Limit,
}

impl Operation for ListKeys {
    type Output = Page<KeyView>;
    const NAME: &'static str = "key.list";
    const ACTION: Action = Action::Read;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<Page<KeyView>, AdminError> {
        let records = control.records().await?;
        let provider = match &self.provider {
            Some(reference) => Some(Control::find_provider(&records, reference)?.id),
            None => None,
        };
        let wanted = |key: &&keyward_domain::credential::Credential| {
            provider.is_none_or(|id| key.provider == id) && self.cursor.as_ref().is_none_or(|cursor| key.id > cursor.0)
        };
        let mut keys: Vec<_> = records.credentials.iter().filter(wanted).collect();
        keys.sort_by_key(|key| key.id);
        let views = keys.into_iter().take(self.limit.as_len() + 1).map(|key| KeyView::among(control, key, &records));
        Ok(page_of(views.collect::<Result<_, _>>()?, self.limit, |view| view.id.clone()))
    }
}
