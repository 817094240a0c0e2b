use keyward_domain::credential::{Credential, Finding};
use keyward_domain::principal::Action;
use keyward_domain::standing::Standing;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::control::{Control, is_void};
use crate::error::AdminError;
use crate::field::Reference;
use crate::operation::key::{KeyView, full_name, test_keys};
use crate::operation::{Operation, Permit};

/// Validates keys now, by calls that cost nothing, several at a time, and tells the pools what was found. Keys that
/// people switched off are left out unless `all` is asked for; keys that are out of use for good always are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckHealth {
    /// Only this provider's.
    pub provider: Option<Reference>,
    /// Keys that people switched off as well.
    #[serde(default)]
    pub all: bool,
}

/// What a health check found.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthCheck {
    /// How many keys were checked.
    pub checked: usize,
    /// The keys that something is wrong with, as `provider/name`.
    pub found: Vec<String>,
    /// Every key that was checked, with its proof.
    pub keys: Vec<KeyView>,
}

impl Operation for CheckHealth {
    type Output = HealthCheck;
    const NAME: &'static str = "health.check";
    const ACTION: Action = Action::Write;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<HealthCheck, AdminError> {
        let records = control.records().await?;
        let provider = match &self.provider {
            Some(reference) => Some(Control::find_provider(&records, reference)?.id),
            None => None,
        };
        let is_wanted = |key: &&Credential| {
            let is_in_question = if self.all { !key.state.is_final() } else { !key.state.is_off() };
            is_in_question && provider.is_none_or(|id| key.provider == id)
        };
        let ids: Vec<_> = records.credentials.iter().filter(is_wanted).map(|key| key.id).collect();
        let keys = test_keys(control, permit, &records, &ids).await?;
        let records = control.records().await?;
        let wrong = records.credentials.iter().filter(|key| ids.contains(&key.id) && is_wrong(control, key, &records));
        let found = wrong.map(|key| full_name(key, &records)).collect();
        Ok(HealthCheck { checked: keys.len(), found, keys })
    }
}

/// Whether a person has to look at a key. One that rests for a while needs nobody.
fn is_wrong(control: &Control, key: &Credential, records: &keyward_domain::port::Records) -> bool {
    let is_valid = key.proof.as_ref().is_some_and(|proof| proof.finding == Finding::Valid);
    let is_void = Control::provider_of(records, key).is_ok_and(|provider| is_void(key, provider));
    let waits_for_people = control
        .known(key)
        .is_some_and(|known| matches!(known.standing, Standing::Suspect | Standing::Exhausted { until: None }));
    !is_valid || is_void || waits_for_people
}
