use keyward_domain::port::Records;
use keyward_domain::time::Timestamp;
use keyward_domain::virtual_key::{DisconnectPolicy, Inactive, KeyStatus, VirtualKey};
use serde::Serialize;
use utoipa::ToSchema;

use crate::control::Control;
use crate::field::{Moment, ShownSecret};
use crate::operation::grant::{network_texts, operation_words};

/// A virtual key as the control plane shows it: never its token.
#[derive(Debug, Serialize, ToSchema)]
pub struct VkeyView {
    /// The clear part of its token; stays the same when it is rotated.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// `live`, or `test` for the sandbox only.
    pub environment: &'static str,
    /// Whether it is accepted now: `active`, or why not: `disabled` (it, or its tenant, team or user), `revoked`,
    /// `expired`, `not_yet_valid`.
    pub state: &'static str,
    /// The name of the tenant it belongs to.
    pub tenant: String,
    /// The name of its team: its own, or its user's.
    pub team: Option<String>,
    /// The name of its user.
    pub user: Option<String>,
    /// Models it may use; empty for all that what is above it may use.
    pub models: Vec<String>,
    /// Operations it may use; empty for all but leases.
    pub operations: Vec<&'static str>,
    /// Networks it may be used from; empty for all.
    pub addresses: Vec<String>,
    /// What happens to the provider's answer when the client goes away: `abort` or `drain`.
    pub on_disconnect: &'static str,
    /// Labels for attribution.
    pub tags: Vec<String>,
    /// Whether its calls may name the caller's own customer.
    pub claim_end_users: bool,
    /// Tags that its calls may carry.
    pub claim_tags: Vec<String>,
    /// The highest priority that its calls may ask for: `low`, `normal` or `high`.
    pub priority: &'static str,
    /// How many tokens have not ended: two while the one before the last rotation is in its grace period, none once the
    /// key is revoked.
    pub live_tokens: usize,
    /// Until when the token before the last rotation is accepted.
    pub grace_ends_at: Option<Moment>,
    /// When it was created.
    pub created_at: Moment,
    /// From when it is accepted.
    pub not_before: Option<Moment>,
    /// From when it is no longer accepted.
    pub expires_at: Option<Moment>,
    /// Grows by one with every change; send it back as `If-Match`.
    pub revision: u64,
}

/// A virtual key with its token, which is shown this once and cannot be had again.
#[derive(Debug, Serialize, ToSchema)]
pub struct IssuedVkey {
    /// The token: what applications send where their SDK puts its API key.
    #[schema(value_type = String)]
    pub token: ShownSecret,
    /// The key it belongs to.
    pub vkey: VkeyView,
}

impl VkeyView {
    /// The view at this moment.
    pub fn of(key: &VirtualKey, records: &Records, now: Timestamp) -> Self {
        let user = key.user.and_then(|id| records.users.iter().find(|user| user.id == id));
        let team = key.team.or_else(|| user?.team);
        let team = team.and_then(|id| records.teams.iter().find(|team| team.id == id));
        let tenant = records.tenants.iter().find(|tenant| tenant.id == key.tenant);
        let is_off_above = tenant.is_some_and(|tenant| !tenant.enabled)
            || team.is_some_and(|team| !team.enabled)
            || user.is_some_and(|user| !user.enabled);
        let live = key.tokens.iter().filter(|token| key.status != KeyStatus::Revoked && token.is_live(now));
        let grace = live.clone().filter_map(|token| token.expires_at).max();
        Self {
            id: key.id.to_string(),
            name: key.name.clone(),
            environment: key.environment.as_str(),
            state: match state(key, now) {
                "active" if is_off_above => "disabled",
                state => state,
            },
            tenant: Control::tenant_name(records, key.tenant),
            team: team.map(|team| team.name.clone()),
            user: user.map(|user| user.name.clone()),
            models: key.grant.models.clone(),
            operations: operation_words(&key.grant),
            addresses: network_texts(&key.grant),
            on_disconnect: match key.on_disconnect {
                DisconnectPolicy::Abort => "abort",
                DisconnectPolicy::Drain => "drain",
            },
            tags: key.tags.clone(),
            claim_end_users: key.claims.end_user,
            claim_tags: key.claims.tags.clone(),
            priority: key.claims.priority.as_str(),
            live_tokens: live.count(),
            grace_ends_at: grace.map(Moment),
            created_at: Moment(key.created_at),
            not_before: key.not_before.map(Moment),
            expires_at: key.expires_at.map(Moment),
            revision: key.revision,
        }
    }
}

fn state(key: &VirtualKey, now: Timestamp) -> &'static str {
    match key.check_active(now) {
        Ok(()) => "active",
        Err(Inactive::Disabled) => "disabled",
        Err(Inactive::Revoked) => "revoked",
        Err(Inactive::Expired | Inactive::RotatedOut) => "expired",
        Err(Inactive::NotYetValid) => "not_yet_valid",
    }
}
