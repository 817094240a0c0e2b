use keyward_domain::principal::Action;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{ModelView, offers};
use crate::control::Control;
use crate::error::AdminError;
use crate::field::{ModelId, Reference};
use crate::operation::{Operation, Permit};

/// Shows one model: who offers it and what it costs. A model that nobody offers is shown too, with its price.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowModel {
    /// The provider's id or name.
    pub provider: Reference,
    /// The provider's own id of the model.
    pub model: ModelId,
}

impl Operation for ShowModel {
    type Output = ModelView;
    const NAME: &'static str = "model.show";
    const ACTION: Action = Action::Read;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<ModelView, AdminError> {
        let records = control.records().await?;
        let provider = Control::find_provider(&records, &self.provider)?;
        let model = self.model.as_str();
        let keys = offers(&records).get(&(provider.name.as_str(), model)).map_or(0, |offer| offer.keys);
        Ok(ModelView::of(control, &records, provider, model, keys))
    }
}
