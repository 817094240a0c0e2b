use keyward_domain::port::Change;
use keyward_domain::principal::{Action, Resource};
use keyward_domain::token::Environment;
use keyward_domain::virtual_key::{Claims, KeyStatus, Priority, VirtualKey};
use serde::Deserialize;
use utoipa::ToSchema;

use super::grant::{ClaimsEdit, check_life, parse_policy, refuse_taken_name, refuse_wider_key};
use super::{IssuedVkey, VkeyView};
use crate::control::{Control, Owner};
use crate::error::AdminError;
use crate::field::{ClaimableTags, ModelPattern, Moment, Name, Networks, Operations, Reference, ShownSecret, Tags};
use crate::operation::grant::grant_of;
use crate::operation::{Operation, Permit};

/// Creates a virtual key. Its token is in the answer, this once.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateVkey {
    /// What to call it.
    pub name: Name,
    /// `live` (when left out), or `test` for the sandbox only.
    pub environment: Option<String>,
    /// Models it may use: aliases, `provider/model` or bare names, exact or up to a closing `*`. Empty for all.
    #[serde(default)]
    pub models: Vec<ModelPattern>,
    /// Operations it may use. Empty for all.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub operations: Operations,
    /// Networks it may be used from. Empty for all.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub addresses: Networks,
    /// What happens to the provider's answer when the client goes away: `abort` (when left out) stops it, `drain` reads
    /// it to its end so that the figures are exact.
    pub on_disconnect: Option<String>,
    /// Labels for attribution, at most 16.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub tags: Tags,
    /// Which tenant it belongs to: its id or name; the team's, the user's or your own when left out.
    pub tenant: Option<Reference>,
    /// Which team it belongs to: its id or name; the user's when left out.
    pub team: Option<Reference>,
    /// Which user it belongs to: their id or name.
    pub user: Option<Reference>,
    /// Whether its calls may name the caller's own customer.
    pub claim_end_users: Option<bool>,
    /// Tags that its calls may carry: labels, or the beginning of some and `*`. None when left out.
    #[schema(value_type = Option<Vec<String>>)]
    pub claim_tags: Option<ClaimableTags>,
    /// The highest priority that its calls may ask for: `low`, `normal` (when left out) or `high`.
    #[schema(value_type = Option<String>)]
    pub priority: Option<Priority>,
    /// From when it is accepted.
    #[schema(value_type = Option<String>)]
    pub not_before: Option<Moment>,
    /// From when it is no longer accepted.
    #[schema(value_type = Option<String>)]
    pub expires_at: Option<Moment>,
}

impl Operation for CreateVkey {
    type Output = IssuedVkey;
    const NAME: &'static str = "vkey.create";
    const ACTION: Action = Action::Write;
    const RESOURCE: Resource = Resource::Team;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<IssuedVkey, AdminError> {
        let environment = parse_environment(self.environment.as_deref())?;
        let now = control.now();
        let (not_before, expires_at) = (self.not_before.map(|at| at.0), self.expires_at.map(|at| at.0));
        check_life(not_before, expires_at, now)?;
        let records = control.records().await?;
        let owner = control.owner_of(&records, self.tenant.as_ref(), self.team.as_ref(), self.user.as_ref())?;
        let Owner { tenant, team, user } = owner;
        refuse_taken_name(&records, (tenant, self.name.as_str()), None)?;
        let grant = grant_of(self.models, self.operations, self.addresses)?;
        refuse_wider_key(control, &records, &grant, owner)?;
        let claims = ClaimsEdit { end_users: self.claim_end_users, tags: self.claim_tags, priority: self.priority };
        let (minted, hash) = control.mint_token(environment)?;
        let key = VirtualKey {
            id: minted.id,
            tenant,
            name: self.name.into_string(),
            environment,
            status: KeyStatus::Active,
            tokens: vec![hash],
            grant,
            on_disconnect: self.on_disconnect.as_deref().map(parse_policy).transpose()?.unwrap_or_default(),
            tags: self.tags.0,
            team,
            user,
            claims: claims.applied_to(Claims::default()),
            created_at: now,
            not_before,
            expires_at,
            revision: 1,
        };
        let detail = format!("{} ({})", key.name, environment.as_str());
        control.commit(permit, vec![Change::PutVirtualKey(key.clone())], &key.id, &detail).await?;
        Ok(IssuedVkey { token: ShownSecret::new(minted.token), vkey: VkeyView::of(&key, &records, now) })
    }

    fn revision(output: &IssuedVkey) -> Option<u64> {
        Some(output.vkey.revision)
    }
}

fn parse_environment(word: Option<&str>) -> Result<Environment, AdminError> {
    match word {
        None | Some("live") => Ok(Environment::Live),
        Some("test") => Ok(Environment::Test),
        Some(_) => Err(AdminError::invalid_field("environment", "environment is `live` or `test`")),
    }
}
