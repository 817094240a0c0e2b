use keyward_domain::port::Change;
use keyward_domain::principal::Action;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::control::{Control, check_revision};
use crate::error::AdminError;
use crate::field::{ModelId, Reference};
use crate::operation::{Operation, Permit, Removed};

/// Removes a price that the operator set; the catalog's word counts again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemovePrice {
    /// The provider's name.
    pub provider: Reference,
    /// The provider's own id of the model.
    pub model: ModelId,
    /// The revision that the removal is based on.
    pub if_match: Option<u64>,
}

impl Operation for RemovePrice {
    type Output = Removed;
    const NAME: &'static str = "price.remove";
    const ACTION: Action = Action::Write;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<Removed, AdminError> {
        let records = control.records().await?;
        // By name, not by record: the provider may be gone while its prices are still there.
        let called =
            Control::find_provider(&records, &self.provider).map_or(self.provider.as_str(), |p| p.name.as_str());
        let object = format!("{called}/{}", self.model.as_str());
        let held = records.prices.iter().find(|price| price.provider == called && price.model == self.model.as_str());
        let held = held.ok_or_else(|| AdminError::not_found("price set for", &object))?;
        check_revision(self.if_match, held.revision)?;
        let change = Change::RemovePrice(held.tenant, held.provider.clone(), held.model.clone());
        control.commit(permit, vec![change], &object, "").await?;
        Ok(Removed { removed: object })
    }
}
