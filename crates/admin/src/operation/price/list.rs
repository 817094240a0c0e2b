use keyward_domain::port::PriceOverride;
use keyward_domain::principal::Action;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::control::Control;
use crate::error::AdminError;
use crate::field::{Cursor, Limit, Page, Target, page_of};
use crate::operation::{Operation, Permit};

/// Lists the prices that the operator set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListPrices {
    /// The cursor of the page before.
    #[schema(value_type = Option<String>)]
    pub cursor: Option<Cursor<Target>>,
    /// How many.
    #[serde(default)]
    pub limit: Limit,
}

/// A price that the operator set.
#[derive(Debug, Serialize, ToSchema)]
pub struct SetPriceView {
    /// `provider/model`.
    pub id: String,
    /// The provider's name.
    pub provider: String,
    /// The provider's own id of the model.
    pub model: String,
    /// Rates in pico-dollars per unit in the catalog's own format, or `{"free": true}`.
    pub entry: Value,
    /// Grows by one with every change; send it back as `If-Match`.
    pub revision: u64,
}

impl Operation for ListPrices {
    type Output = Page<SetPriceView>;
    const NAME: &'static str = "price.list";
    const ACTION: Action = Action::Read;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<Page<SetPriceView>, AdminError> {
        let records = control.records().await?;
        let after = |price: &&PriceOverride| {
            let place = (price.provider.as_str(), price.model.as_str());
            self.cursor.as_ref().is_none_or(|cursor| place > cursor.0.parts())
        };
        let mut prices: Vec<_> = records.prices.iter().filter(after).collect();
        prices.sort_by(|a, b| (&a.provider, &a.model).cmp(&(&b.provider, &b.model)));
        let views = prices.into_iter().take(self.limit.as_len() + 1).map(SetPriceView::of);
        Ok(page_of(views.collect(), self.limit, |view| view.id.clone()))
    }
}

impl SetPriceView {
    /// The view of a price.
    pub fn of(price: &PriceOverride) -> Self {
        Self {
            id: format!("{}/{}", price.provider, price.model),
            provider: price.provider.clone(),
            model: price.model.clone(),
            entry: without_nulls(&price.entry),
            revision: price.revision,
        }
    }
}

/// The entry without what it takes away.
fn without_nulls(entry: &Value) -> Value {
    match entry {
        Value::Object(parts) => {
            let kept = parts.iter().filter(|(_, part)| !part.is_null());
            Value::Object(kept.map(|(name, part)| (name.clone(), without_nulls(part))).collect())
        }
        other => other.clone(),
    }
}
