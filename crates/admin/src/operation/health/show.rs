use keyward_domain::principal::Action;
use keyward_pool::{Ask, Choice};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::control::Control;
use crate::error::AdminError;
use crate::field::{ModelId, Moment, Reference};
use crate::operation::key::{KeyHealthView, full_name};
use crate::operation::{Operation, Permit};

/// Shows whether a key can serve a model now, and what is known of it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowHealth {
    /// The model, as the provider names it.
    pub model: ModelId,
    /// The key's id, its name, or `provider/name`.
    pub key: Reference,
}

/// A key with a model.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyModelView {
    /// `provider/name`.
    pub key: String,
    /// The model.
    pub model: String,
    /// Whether it can serve a call for this model now.
    pub usable: bool,
    /// What keeps it from that, as a word for programs.
    pub why: Option<String>,
    /// The same as a sentence for people.
    pub detail: Option<String>,
    /// When that is over by itself.
    pub back: Option<Moment>,
    /// The average time to the first content, in milliseconds, once known.
    pub latency_ms: Option<u64>,
    /// The least that is left of any of its provider's limits, in thousandths; `null` when too little is.
    pub room_permille: Option<u32>,
    /// What is known of its fitness.
    pub health: Option<KeyHealthView>,
}

impl Operation for ShowHealth {
    type Output = KeyModelView;
    const NAME: &'static str = "health.show";
    const ACTION: Action = Action::Read;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<KeyModelView, AdminError> {
        let records = control.records().await?;
        let key = Control::find_key(&records, &self.key)?;
        let model = self.model.as_str();
        let rows = control.pools().of(key.provider).map(|pool| pool.explain(&Ask::new(model), control.moment()));
        let row = rows.and_then(|rows| rows.into_iter().find(|row| row.credential == key.id));
        let why = row.as_ref().and_then(|row| row.why.as_ref());
        let disabled = row.is_none().then_some("its provider is disabled");
        Ok(KeyModelView {
            key: full_name(key, &records),
            model: model.to_owned(),
            usable: row.as_ref().is_some_and(|row| row.choice != Choice::Skipped),
            why: why.map(crate::operation::route::word_of).or(disabled.map(|_| "provider_disabled".to_owned())),
            detail: why.map(ToString::to_string).or(disabled.map(str::to_owned)),
            back: row.as_ref().and_then(|row| row.back).map(Moment),
            latency_ms: row.as_ref().and_then(|row| row.latency_ms),
            room_permille: row.as_ref().and_then(|row| row.room_permille),
            health: control.known(key).map(|known| KeyHealthView::of(&known, control.now())),
        })
    }
}
