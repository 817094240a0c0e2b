use keyward_domain::ids::{AdminTokenId, TenantId};
use keyward_domain::port::{Change, Records};
use keyward_domain::principal::{Action, AdminToken, Principal, Realm, Resource, Role};
use keyward_domain::time::Timestamp;
use keyward_domain::token::Environment;
use keyward_domain::virtual_key::KeyStatus;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{AdminTokenView, IssuedAdminToken};
use crate::control::Control;
use crate::error::AdminError;
use crate::field::{Moment, Name, Reference, ShownSecret};
use crate::operation::{Operation, Permit};

/// Creates an admin token. It may do no more, and lives no longer, than whoever creates it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateAdminToken {
    /// What to call it.
    pub name: Name,
    /// What it may do: `viewer` reads everything except secrets, `operator` also changes keys, virtual keys, providers
    /// and models, `owner` may do everything.
    pub role: String,
    /// Only for this tenant: its id or name. For everything that whoever creates it may see when left out.
    pub tenant: Option<Reference>,
    /// Only for this team: its id or name.
    pub team: Option<Reference>,
    /// From when it is refused; never when left out.
    #[schema(value_type = Option<String>)]
    pub expires_at: Option<Moment>,
}

impl Operation for CreateAdminToken {
    type Output = IssuedAdminToken;
    const NAME: &'static str = "admin_token.create";
    const ACTION: Action = Action::Administer;
    const RESOURCE: Resource = Resource::Team;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<IssuedAdminToken, AdminError> {
        let role = parse_role(&self.role)?;
        let now = control.now();
        let expires_at = self.expires_at.map(|at| at.0);
        if expires_at.is_some_and(|end| end <= now) {
            return Err(AdminError::invalid_field("expires_at", "expires_at lies in the past"));
        }
        let records = control.records().await?;
        let realm = self.realm(control, &records)?;
        refuse_wider(permit.principal(), &records, (role, realm), expires_at)?;
        let name = self.name.into_string();
        if records.admin_tokens.iter().any(|token| token.name == name && token.status != KeyStatus::Revoked) {
            let message = format!("There already is an admin token `{name}`. Choose another name.");
            return Err(AdminError::AlreadyExists(message));
        }
        let (minted, hash) = control.mint_token(Environment::Adm)?;
        let token = AdminToken {
            id: AdminTokenId::mint(now, control.entropy())?,
            token_id: minted.id,
            tenant: realm.tenant().unwrap_or(TenantId::DEFAULT),
            name,
            role,
            status: KeyStatus::Active,
            realm,
            hash,
            created_at: now,
            expires_at,
            revision: 1,
        };
        let detail = format!("{} ({})", token.name, self.role);
        control.commit(permit, vec![Change::PutAdminToken(token.clone())], &token.id, &detail).await?;
        Ok(IssuedAdminToken {
            token: ShownSecret::new(minted.token),
            admin_token: AdminTokenView::of(&token, &records, now),
        })
    }
}

impl CreateAdminToken {
    /// The part of the installation that the new token is for.
    fn realm(&self, control: &Control, records: &Records) -> Result<Realm, AdminError> {
        if self.tenant.is_none() && self.team.is_none() {
            return Ok(control.realm());
        }
        let (tenant, team) = control.place_of(records, self.tenant.as_ref(), self.team.as_ref())?;
        Ok(team.map_or(Realm::Tenant(tenant), |team| Realm::Team(tenant, team)))
    }
}

fn parse_role(word: &str) -> Result<Role, AdminError> {
    match word {
        "viewer" => Ok(Role::Viewer),
        "operator" => Ok(Role::Operator),
        "owner" => Ok(Role::Owner),
        _ => Err(AdminError::invalid_field("role", "the role is one of: viewer, operator, owner")),
    }
}

/// INVARIANT: nobody hands out more than they have (test `a_child_token_is_never_wider_than_its_creator`).
fn refuse_wider(
    principal: &Principal,
    records: &Records,
    (role, realm): (Role, Realm),
    expires_at: Option<Timestamp>,
) -> Result<(), AdminError> {
    let Principal::Admin { id, role: own, .. } = principal else { return Ok(()) };
    if !principal.realm().contains(realm) {
        let message = "The new token would be for more than the one that creates it is for.";
        return Err(AdminError::ExceedsGrantor("tenant", message.to_owned()));
    }
    if role > *own {
        return Err(AdminError::NeedsRole(role));
    }
    let own_end = records.admin_tokens.iter().find(|token| token.id == *id).and_then(|token| token.expires_at);
    let outlives = own_end.is_some_and(|own_end| expires_at.is_none_or(|end| end > own_end));
    if outlives {
        return Err(AdminError::invalid_field(
            "expires_at",
            "the new token cannot outlive the one that creates it; give an earlier expires_at",
        ));
    }
    Ok(())
}
