use keyward_domain::port::{Change, Records};
use keyward_domain::principal::{Action, Resource};
use keyward_domain::virtual_key::{KeyStatus, Priority, VirtualKey};
use serde::Deserialize;
use utoipa::ToSchema;

use super::VkeyView;
use super::grant::{ClaimsEdit, check_life, parse_policy, refuse_taken_name, refuse_wider_key};
use crate::control::{Control, Owner, check_revision};
use crate::error::AdminError;
use crate::field::{ClaimableTags, Edit, ModelPattern, Moment, Name, Networks, Operations, Reference, Tags, sent};
use crate::operation::grant::{GrantEdit, changed_parts, in_words};
use crate::operation::{Operation, Permit};

/// Changes a virtual key. What is left out stays as it is; its token stays the same.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateVkey {
    /// Its id or name.
    pub vkey: Reference,
    /// The revision that the change is based on.
    pub if_match: Option<u64>,
    /// A new name.
    pub name: Option<Name>,
    /// Whether it may be used; `false` switches it off until it is switched on again.
    pub enabled: Option<bool>,
    /// Models it may use. Empty for all.
    pub models: Option<Vec<ModelPattern>>,
    /// Operations it may use. Empty for all.
    #[schema(value_type = Option<Vec<String>>)]
    pub operations: Option<Operations>,
    /// Networks it may be used from. Empty for all.
    #[schema(value_type = Option<Vec<String>>)]
    pub addresses: Option<Networks>,
    /// `abort` or `drain`.
    pub on_disconnect: Option<String>,
    /// Labels for attribution, at most 16.
    #[schema(value_type = Option<Vec<String>>)]
    pub tags: Option<Tags>,
    /// Which team of its tenant it belongs to: its id or name; `null` for its user's.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub team: Edit<Reference>,
    /// Which user of its tenant it belongs to: their id or name; `null` for none.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub user: Edit<Reference>,
    /// Whether its calls may name the caller's own customer.
    pub claim_end_users: Option<bool>,
    /// Tags that its calls may carry: labels, or the beginning of some and `*`. Empty for none.
    #[schema(value_type = Option<Vec<String>>)]
    pub claim_tags: Option<ClaimableTags>,
    /// The highest priority that its calls may ask for: `low`, `normal` or `high`.
    #[schema(value_type = Option<String>)]
    pub priority: Option<Priority>,
    /// From when it is accepted; `null` for at once.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>)]
    pub not_before: Option<Option<Moment>>,
    /// From when it is no longer accepted; `null` for never.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>)]
    pub expires_at: Option<Option<Moment>>,
}

impl Operation for UpdateVkey {
    type Output = VkeyView;
    const NAME: &'static str = "vkey.update";
    const ACTION: Action = Action::Write;
    const RESOURCE: Resource = Resource::Team;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<VkeyView, AdminError> {
        let now = control.now();
        let records = control.records().await?;
        let old = Control::find_vkey(&records, &self.vkey)?;
        check_revision(self.if_match, old.revision)?;
        if old.status == KeyStatus::Revoked {
            return Err(AdminError::WrongState(format!(
                "The virtual key `{}` was revoked for good. Create a new one.",
                old.name
            )));
        }
        let changes_life = self.not_before.is_some() || self.expires_at.is_some();
        let key = self.apply(old.clone(), &records)?;
        if changes_life {
            check_life(key.not_before, key.expires_at, now)?;
        }
        refuse_taken_name(&records, (key.tenant, &key.name), Some(key.id))?;
        if (&key.grant, key.team, key.user) != (&old.grant, old.team, old.user) {
            let owner = Owner { tenant: key.tenant, team: key.team, user: key.user };
            refuse_wider_key(control, &records, &key.grant, owner)?;
        }
        let detail = described(old, &key);
        control.commit(permit, vec![Change::PutVirtualKey(key.clone())], &key.id, &detail).await?;
        Ok(VkeyView::of(&key, &records, now))
    }

    fn revision(output: &VkeyView) -> Option<u64> {
        Some(output.revision)
    }
}

impl UpdateVkey {
    fn apply(self, mut key: VirtualKey, records: &Records) -> Result<VirtualKey, AdminError> {
        if let Some(name) = self.name {
            key.name = name.into_string();
        }
        if let Some(enabled) = self.enabled {
            key.status = if enabled { KeyStatus::Active } else { KeyStatus::Disabled };
        }
        let grant = GrantEdit { models: self.models, operations: self.operations, addresses: self.addresses };
        grant.apply(&mut key.grant)?;
        if let Some(word) = self.on_disconnect {
            key.on_disconnect = parse_policy(&word)?;
        }
        if let Some(tags) = self.tags {
            key.tags = tags.0;
        }
        match self.team {
            Edit::Keep => {}
            Edit::Clear => key.team = None,
            Edit::To(team) => key.team = Some(Control::team_in(records, key.tenant, &team)?),
        }
        match self.user {
            Edit::Keep => {}
            Edit::Clear => key.user = None,
            Edit::To(user) => key.user = Some(Control::user_in(records, key.tenant, &user)?),
        }
        let claims = ClaimsEdit { end_users: self.claim_end_users, tags: self.claim_tags, priority: self.priority };
        key.claims = claims.applied_to(key.claims);
        if let Some(not_before) = self.not_before {
            key.not_before = not_before.map(|at| at.0);
        }
        if let Some(expires_at) = self.expires_at {
            key.expires_at = expires_at.map(|at| at.0);
        }
        key.revision += 1;
        Ok(key)
    }
}

/// Which parts changed, by name.
fn described(old: &VirtualKey, new: &VirtualKey) -> String {
    let parts = [
        ("name", old.name != new.name),
        ("status", old.status != new.status),
        ("on_disconnect", old.on_disconnect != new.on_disconnect),
        ("tags", old.tags != new.tags),
        ("team", old.team != new.team),
        ("user", old.user != new.user),
        ("claims", old.claims != new.claims),
        ("not_before", old.not_before != new.not_before),
        ("expires_at", old.expires_at != new.expires_at),
    ];
    in_words(&new.name, parts.into_iter().chain(changed_parts(&old.grant, &new.grant)))
}
