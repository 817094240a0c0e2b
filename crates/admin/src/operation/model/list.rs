use keyward_domain::principal::Action;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{ModelView, offers};
use crate::control::Control;
use crate::error::AdminError;
use crate::field::{Cursor, Limit, ModelId, Page, Reference, Target, page_of};
use crate::operation::{Operation, Permit};

/// Lists the models that keys in use offer, with what is known about their prices.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListModels {
    /// Only this provider's.
    pub provider: Option<Reference>,
    /// Only models whose id contains this.
    pub search: Option<ModelId>,
    /// Only those with this standing of the price: `known`, `free`, `unknown`.
    pub price: Option<String>,
    /// The cursor of the page before.
    #[schema(value_type = Option<String>)]
    pub cursor: Option<Cursor<Target>>,
    /// How many.
    #[serde(default)]
    pub limit: Limit,
}

impl Operation for ListModels {
    type Output = Page<ModelView>;
    const NAME: &'static str = "model.list";
    const ACTION: Action = Action::Read;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<Page<ModelView>, AdminError> {
        if self.price.as_deref().is_some_and(|word| !["known", "free", "unknown"].contains(&word)) {
            return Err(AdminError::invalid_field("price", "price is `known`, `free` or `unknown`"));
        }
        let records = control.records().await?;
        let provider = match &self.provider {
            Some(reference) => Some(Control::find_provider(&records, reference)?.name.as_str()),
            None => None,
        };
        let offered = offers(&records);
        let wanted = offered.iter().filter(|((owner, model), _)| {
            provider.is_none_or(|provider| provider == *owner)
                && self.search.as_ref().is_none_or(|part| model.contains(part.as_str()))
                && self.cursor.as_ref().is_none_or(|cursor| (*owner, *model) > cursor.0.parts())
        });
        let views = wanted
            .map(|((_, model), offer)| ModelView::of(control, &records, offer.provider, model, offer.keys))
            .filter(|view| self.price.as_deref().is_none_or(|word| word == view.price.standing))
            .take(self.limit.as_len() + 1);
        Ok(page_of(views.collect(), self.limit, |view| view.id.clone()))
    }
}
