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
        let detail = price.entry.to_string();
        control.commit(permit, vec![Change::PutPrice(price.clone())], &object, &detail).await?;
        Ok(SetPriceView::of(&price))
    }

    fn revision(output: &SetPriceView) -> Option<u64> {
        Some(output.revision)
    }
}

impl SetPrice {
    /// The entry in the catalog's own format: pico-dollars per unit.
    fn entry(&self) -> Result<Value, AdminError> {
        let rates = [
            ("in", self.input_usd_per_million),
            ("out", self.output_usd_per_million),
            ("cache_read", self.cache_read_usd_per_million),
            ("cache_write", self.cache_write_usd_per_million),
            ("cache_write_1h", self.cache_write_1h_usd_per_million),
            ("out_reasoning", self.reasoning_usd_per_million),
        ];
        let std: Map<_, _> =
            rates.into_iter().filter_map(|(key, rate)| Some((key.to_owned(), json!(rate?.0)))).collect();
        let priced = !std.is_empty() || self.image_usd.is_some();
        match (self.free, priced) {
            (true, true) => Err(AdminError::invalid_field("free", "a model is free or has a price, not both")),
            (true, false) => Ok(json!({ "free": true })),
            (false, _) if self.input_usd_per_million.is_none() && self.image_usd.is_none() => {
                let hint = "give input_usd_per_million (and output_usd_per_million), image_usd, or free";
                Err(AdminError::invalid_field("input_usd_per_million", hint))
            }
            (false, _) => {
                let mut entry = Map::new();
                if !std.is_empty() {
                    entry.insert("price".to_owned(), json!({ "std": std }));
                }
                if let Some(image) = self.image_usd {
                    entry.insert("unit".to_owned(), json!({ "image": image.0 }));
                }
                Ok(Value::Object(entry))
            }
        }
    }
}
