use keyward_domain::principal::Action;
use serde::Deserialize;
use utoipa::ToSchema;

use super::ProviderView;
use crate::control::Control;
use crate::error::AdminError;
use crate::field::{Cursor, Limit, Name, Page, page_of};
use crate::operation::{Operation, Permit};

/// Lists providers by name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListProviders {
    /// The cursor of the page before.
    #[schema(value_type = Option<String>)]
    pub cursor: Option<Cursor<Name>>,
    /// How many.
    #[serde(default)]
    pub limit: Limit,
}

impl Operation for ListProviders {
    type Output = Page<ProviderView>;
    const NAME: &'static str = "provider.list";
    const ACTION: Action = Action::Read;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<Page<ProviderView>, AdminError> {
        let records = control.records().await?;
        let mut providers: Vec<_> = records.providers.iter().collect();
        providers.sort_by(|a, b| a.name.cmp(&b.name));
        let after = |name: &str| self.cursor.as_ref().is_none_or(|cursor| name > cursor.0.as_str());
        let views = providers.into_iter().filter(|provider| after(&provider.name));
        let views = views.take(self.limit.as_len() + 1).map(|provider| ProviderView::of(provider, &records));
        Ok(page_of(views.collect(), self.limit, |view| view.name.clone()))
    }
}
