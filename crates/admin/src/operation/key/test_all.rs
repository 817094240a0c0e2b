use keyward_domain::principal::Action;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{KeyView, test_keys};
use crate::control::Control;
use crate::error::AdminError;
use crate::field::Reference;
use crate::operation::{Operation, Permit};

/// Tests every provider key, or every key of one provider, by calls that cost nothing. Keys that are out of use for good
/// are left out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestAllKeys {
    /// Only this provider's.
    pub provider: Option<Reference>,
}

/// The keys after the test.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyTests {
    /// Each with its proof.
    pub keys: Vec<KeyView>,
}

impl Operation for TestAllKeys {
    type Output = KeyTests;
    const NAME: &'static str = "key.test_all";
    const ACTION: Action = Action::Write;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<KeyTests, AdminError> {
        let records = control.records().await?;
        let provider = match &self.provider {
            Some(reference) => Some(Control::find_provider(&records, reference)?.id),
            None => None,
        };
        let wanted = records
            .credentials
            .iter()
            .filter(|key| !key.state.is_final() && provider.is_none_or(|id| key.provider == id));
        let ids: Vec<_> = wanted.map(|key| key.id).collect();
        Ok(KeyTests { keys: test_keys(control, permit, &records, &ids).await? })
    }
}
