use keyward_domain::catalog::{Model, Pricing};
use keyward_domain::ids::TenantId;
use keyward_domain::port::{Change, PriceOverride};
use keyward_domain::principal::Action;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::SetPriceView;
use crate::control::{Control, check_revision};
use crate::error::AdminError;
use crate::field::{Dollars, DollarsPerMillion, ModelId, Reference};
use crate::operation::{Operation, Permit};

/// Sets what a model costs, over whatever the catalog says: rates per million tokens, or free by declaration.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPrice {
    /// The provider's id or name.
    pub provider: Reference,
    /// The provider's own id of the model.
    pub model: ModelId,
    /// The revision that the change is based on.
    pub if_match: Option<u64>,
    /// Declares that it costs nothing. Without it, `input_usd_per_million` or `image_usd` is needed.
    #[serde(default)]
    pub free: bool,
    /// Prompt tokens.
    pub input_usd_per_million: Option<DollarsPerMillion>,
    /// Answer tokens.
    pub output_usd_per_million: Option<DollarsPerMillion>,
    /// Prompt tokens read from the provider's cache; like prompt tokens when left out.
    pub cache_read_usd_per_million: Option<DollarsPerMillion>,
    /// Prompt tokens written to the provider's cache for five minutes; like prompt tokens when left out.
    pub cache_write_usd_per_million: Option<DollarsPerMillion>,
    /// Prompt tokens written to the cache for an hour; like five minutes when left out.
    pub cache_write_1h_usd_per_million: Option<DollarsPerMillion>,
    /// Reasoning tokens; like answer tokens when left out.
    pub reasoning_usd_per_million: Option<DollarsPerMillion>,
    /// One image made.
    pub image_usd: Option<Dollars>,
}

impl Operation for SetPrice {
    type Output = SetPriceView;
    const NAME: &'static str = "price.set";
    const ACTION: Action = Action::Write;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<SetPriceView, AdminError> {
        let entry = self.entry()?;
        let records = control.records().await?;
        let provider = Control::find_provider(&records, &self.provider)?;
        let model = self.model.as_str();
        check_entry(control.listed(provider, model).as_deref(), &entry)?;
        let old = records.prices.iter().find(|price| price.provider == provider.name && price.model == model);
        check_revision(self.if_match, old.map_or(0, |price| price.revision))?;
        let price = PriceOverride {
            tenant: TenantId::DEFAULT,
            provider: provider.name.clone(),
            model: model.to_owned(),
            entry,
            revision: old.map_or(0, |price| price.revision) + 1,
        };
        let object = format!("{}/{}", price.provider, price.model);
        let view = SetPriceView::of(&price);
        let detail = view.entry.to_string();
        control.commit(permit, vec![Change::PutPrice(price)], &object, &detail).await?;
        Ok(view)
    }

    fn revision(output: &SetPriceView) -> Option<u64> {
        Some(output.revision)
    }
}

impl SetPrice {
    /// The entry in the catalog's own format, as a patch over the catalog's: rates that can be set and were not are taken
    /// away (`null`), and so is everything that would go before them for some calls.
    fn entry(&self) -> Result<Value, AdminError> {
        let rates = [
            ("in", self.input_usd_per_million),
            ("out", self.output_usd_per_million),
            ("cache_read", self.cache_read_usd_per_million),
            ("cache_write", self.cache_write_usd_per_million),
            ("cache_write_1h", self.cache_write_1h_usd_per_million),
            ("out_reasoning", self.reasoning_usd_per_million),
        ];
        let is_priced = rates.iter().any(|(_, rate)| rate.is_some()) || self.image_usd.is_some();
        if self.free {
            let both = || AdminError::invalid_field("free", "a model is free or has a price, not both");
            return if is_priced { Err(both()) } else { Ok(json!({ "free": true })) };
        }
        if self.input_usd_per_million.is_none() && self.image_usd.is_none() {
            let hint = "give input_usd_per_million (and output_usd_per_million), image_usd, or free";
            return Err(AdminError::invalid_field("input_usd_per_million", hint));
        }
        let std: Map<_, _> =
            rates.iter().map(|(key, rate)| ((*key).to_owned(), json!(rate.map(|rate| rate.0)))).collect();
        let mut price: Map<_, _> = OTHER_CLASSES.iter().map(|class| ((*class).to_owned(), Value::Null)).collect();
        price.insert("std".to_owned(), Value::Object(std));
        Ok(json!({
            "price": price,
            "unit": self.image_usd.map(|image| json!({ "image": image.0 })),
            "tiers": null, "search": null, "mult_permille": null, "variants": null,
        }))
    }
}

/// Classes of service other than the standard one.
const OTHER_CLASSES: [&str; 6] = ["batch", "flex", "priority", "ultrafast", "balanced", "decisions"];

/// A price of nothing but zeros would count as unknown; whoever means "nothing" says so.
fn check_entry(base: Option<&Model>, entry: &Value) -> Result<(), AdminError> {
    let model = Model::overridden(base, entry).map_err(AdminError::invalid)?;
    if model.pricing == Pricing::Unknown {
        let hint = "a price of nothing but zeros is taken for unknown; declare the model free with `free`";
        return Err(AdminError::invalid_field("input_usd_per_million", hint));
    }
    Ok(())
}
