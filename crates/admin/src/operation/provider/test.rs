use keyward_domain::principal::Action;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::control::Control;
use crate::error::AdminError;
use crate::field::Reference;
use crate::operation::key::{KeyView, test_keys};
use crate::operation::{Operation, Permit};

/// Asks a provider, by a call that costs nothing, whether it answers, and tests each of its keys that is not out of use for
/// good.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestProvider {
    /// Its id or name.
    pub provider: Reference,
}

/// What the test found.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProviderTest {
    /// The provider's name.
    pub provider: String,
    /// Whether it answered at all.
    pub reachable: bool,
    /// A sentence about what it said.
    pub detail: String,
    /// Its keys with what was found about each.
    pub keys: Vec<KeyView>,
}

impl Operation for TestProvider {
    type Output = ProviderTest;
    const NAME: &'static str = "provider.test";
    const ACTION: Action = Action::Write;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<ProviderTest, AdminError> {
        let records = control.records().await?;
        let provider = Control::find_provider(&records, &self.provider)?;
        let reach = control.reach(provider).await;
        if reach.is_ok() {
            // It answers: what was held against it as a whole is over.
            control.pools().registry().clear_provider(provider.id, control.moment());
        }
        let keys = records.credentials.iter().filter(|key| key.provider == provider.id && !key.state.is_final());
        let ids: Vec<_> = keys.map(|key| key.id).collect();
        // Asking an unreachable provider once per key would only make people wait.
        let keys = if reach.is_ok() { test_keys(control, permit, &records, &ids).await? } else { Vec::new() };
        Ok(ProviderTest {
            provider: provider.name.clone(),
            reachable: reach.is_ok(),
            detail: reach.unwrap_or_else(|why| why),
            keys,
        })
    }
}
