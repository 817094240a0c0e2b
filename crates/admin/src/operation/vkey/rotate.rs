use std::time::Duration;

use keyward_domain::port::Change;
use keyward_domain::principal::{Action, Resource};
use keyward_domain::virtual_key::KeyStatus;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{IssuedVkey, VkeyView};
use crate::control::{Control, check_revision};
use crate::error::AdminError;
use crate::field::{Reference, ShownSecret};
use crate::operation::{Operation, Permit};

/// How long the token before stays accepted when nobody says: time to roll out the new one.
const DEFAULT_GRACE: Duration = Duration::from_hours(1);

/// The longest grace period: 30 days.
const MAX_GRACE_SECONDS: u64 = 30 * 86_400;

/// Gives a virtual key a new token, shown this once. The one before stays accepted for a grace period; an older one that
/// was still in its own ends at once. Use `revoke` when a token has leaked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateVkey {
    /// Its id or name.
    pub vkey: Reference,
    /// The revision that the change is based on.
    pub if_match: Option<u64>,
    /// How long the token before stays accepted, in seconds: 3600 when left out, 0 to end it now, at most 30 days.
    #[schema(minimum = 0, maximum = 2_592_000)]
    pub grace_seconds: Option<u64>,
}

impl Operation for RotateVkey {
    type Output = IssuedVkey;
    const NAME: &'static str = "vkey.rotate";
    const ACTION: Action = Action::Write;
    const RESOURCE: Resource = Resource::Team;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<IssuedVkey, AdminError> {
        let grace = self.grace_seconds.map_or(DEFAULT_GRACE, Duration::from_secs);
        if grace.as_secs() > MAX_GRACE_SECONDS {
            return Err(AdminError::invalid_field(
                "grace_seconds",
                "the grace period is at most 2592000 seconds (30 days)",
            ));
        }
        let records = control.records().await?;
        let old = Control::find_vkey(&records, &self.vkey)?;
        check_revision(self.if_match, old.revision)?;
        if old.status == KeyStatus::Revoked {
            return Err(AdminError::WrongState(format!(
                "The virtual key `{}` was revoked for good. Create a new one.",
                old.name
            )));
        }
        let (minted, hash) = control.mint_token_for(old.environment, old.id)?;
        let now = control.now();
        let key = old.clone().rotated(hash, now, grace);
        let detail = format!("{}: the token before ends in {} s", key.name, grace.as_secs());
        control.commit(permit, vec![Change::PutVirtualKey(key.clone())], &key.id, &detail).await?;
        Ok(IssuedVkey { token: ShownSecret::new(minted.token), vkey: VkeyView::of(&key, &records, now) })
    }

    fn revision(output: &IssuedVkey) -> Option<u64> {
        Some(output.vkey.revision)
    }
}
