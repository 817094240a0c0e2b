use keyward_domain::principal::{Action, Resource};
use serde::Deserialize;
use utoipa::ToSchema;

use super::VkeyView;
use crate::control::Control;
use crate::error::AdminError;
use crate::field::Reference;
use crate::operation::{Operation, Permit};

/// Shows one virtual key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowVkey {
    /// Its id or name.
    pub vkey: Reference,
}

impl Operation for ShowVkey {
    type Output = VkeyView;
    const NAME: &'static str = "vkey.show";
    const ACTION: Action = Action::Read;
    const RESOURCE: Resource = Resource::Team;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<VkeyView, AdminError> {
        let records = control.records().await?;
        Ok(VkeyView::of(Control::find_vkey(&records, &self.vkey)?, &records, control.now()))
    }

    fn revision(output: &VkeyView) -> Option<u64> {
        Some(output.revision)
    }
}
