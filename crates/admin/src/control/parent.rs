//! A child is never wider than its parent: the rule at issue. At every use it is asked again, by the data plane.

use keyward_domain::ancestry::{Ancestry, Level};
use keyward_domain::ids::{TeamId, TenantId, UserId};
use keyward_domain::port::Records;
use keyward_domain::tenancy::{Team, Tenant, User};
use keyward_domain::virtual_key::Grant;

use super::Control;
use crate::error::AdminError;
use crate::field::Reference;

/// To whom something belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The tenant.
    pub tenant: TenantId,
    /// The team, if it is in one.
    pub team: Option<TeamId>,
    /// The user, if it has one.
    pub user: Option<UserId>,
}

impl Control {
    /// Refuses a grant that names more than one of the levels above it allows.
    ///
    /// INVARIANT: nothing is stored that is wider than its parent (tests `a19_*`).
    pub fn refuse_wider(
        records: &Records,
        grant: &Grant,
        (tenant, team, user): (TenantId, Option<TeamId>, Option<UserId>),
    ) -> Result<(), AdminError> {
        let levels = Ancestry::of(records).above(tenant, team, user);
        let levels = levels.ok_or_else(|| AdminError::Conflict("The tenant, team or user".to_owned()))?;
        levels.iter().try_for_each(|level| within(grant, *level))
    }

    /// Refuses to let something go out of the team that whoever asks is confined to.
    pub fn keep_in_realm(&self, team: Option<TeamId>) -> Result<(), AdminError> {
        if self.realm().team().is_none_or(|own| team == Some(own)) {
            return Ok(());
        }
        let message = "This token is for one team only, and what it makes or changes stays in that team.";
        Err(AdminError::ExceedsGrantor("team", message.to_owned()))
    }

    /// All tenants, the default one among them whether or not it has a record; in the order of their ids.
    pub fn tenants(records: &Records) -> Vec<Tenant> {
        let mut tenants = records.tenants.clone();
        if !tenants.iter().any(|tenant| tenant.id == TenantId::DEFAULT)
            && let Some(install) = records.install
        {
            tenants.push(Tenant::default_at(install.created_at()));
        }
        tenants.sort_by_key(|tenant| tenant.id);
        tenants
    }

    /// The tenant that is named; the one that whoever asks belongs to when none is.
    pub fn tenant_of(&self, records: &Records, named: Option<&Reference>) -> Result<Tenant, AdminError> {
        if let Some(reference) = named {
            return Self::find_tenant(records, reference);
        }
        let own = self.realm().tenant().unwrap_or(TenantId::DEFAULT);
        let mut tenants = Self::tenants(records).into_iter();
        tenants.find(|tenant| tenant.id == own).ok_or(AdminError::NotInitialised)
    }

    /// The tenant and the team that are named. A team is of the tenant; a tenant that is not named is the team's.
    pub fn place_of(
        &self,
        records: &Records,
        tenant: Option<&Reference>,
        team: Option<&Reference>,
    ) -> Result<(TenantId, Option<TeamId>), AdminError> {
        match (tenant, team) {
            (None, Some(team)) => Self::find_team(records, team).map(|team| (team.tenant, Some(team.id))),
            (tenant, team) => {
                let tenant = self.tenant_of(records, tenant)?.id;
                let team = team.map(|team| Self::team_in(records, tenant, team)).transpose()?;
                // Whoever is confined to a team makes things for that team.
                Ok((tenant, team.or(self.realm().team())))
            }
        }
    }

    /// The team of this tenant that is called so.
    pub fn team_in(records: &Records, tenant: TenantId, called: &Reference) -> Result<TeamId, AdminError> {
        let own = |team: &&Team| team.tenant == tenant && (team.name == called.as_str());
        if let Some(team) = records.teams.iter().find(own) {
            return Ok(team.id);
        }
        let team = Self::find_team(records, called)?;
        if team.tenant == tenant { Ok(team.id) } else { Err(elsewhere(records, "team", &team.name, tenant)) }
    }

    /// To whom something belongs that names a tenant, a team and a user, or some of them: all of one tenant, which is
    /// the one that is named, else the team's or the user's, else the own one of whoever asks.
    pub fn owner_of(
        &self,
        records: &Records,
        tenant: Option<&Reference>,
        team: Option<&Reference>,
        user: Option<&Reference>,
    ) -> Result<Owner, AdminError> {
        if let (None, None, Some(user)) = (tenant, team, user) {
            let user = Self::find_user(records, user)?;
            return Ok(Owner { tenant: user.tenant, team: None, user: Some(user.id) });
        }
        let (tenant, team) = self.place_of(records, tenant, team)?;
        let user = user.map(|user| Self::user_in(records, tenant, user)).transpose()?;
        Ok(Owner { tenant, team, user })
    }

    /// The user of this tenant that is called so.
    pub fn user_in(records: &Records, tenant: TenantId, called: &Reference) -> Result<UserId, AdminError> {
        let own = |user: &&User| user.tenant == tenant && user.name == called.as_str();
        if let Some(user) = records.users.iter().find(own) {
            return Ok(user.id);
        }
        let user = Self::find_user(records, called)?;
        if user.tenant == tenant { Ok(user.id) } else { Err(elsewhere(records, "user", &user.name, tenant)) }
    }

    /// What people call a tenant.
    pub fn tenant_name(records: &Records, id: TenantId) -> String {
        let tenant = Self::tenants(records).into_iter().find(|tenant| tenant.id == id);
        tenant.map_or_else(|| id.to_string(), |tenant| tenant.name)
    }
}

fn elsewhere(records: &Records, kind: &'static str, name: &str, tenant: TenantId) -> AdminError {
    let tenant = Control::tenant_name(records, tenant);
    let message = format!("The {kind} `{name}` is not one of the tenant `{tenant}`. Name a {kind} of that tenant.");
    AdminError::invalid_field(kind, message)
}

fn within(grant: &Grant, level: Level<'_>) -> Result<(), AdminError> {
    grant.is_within(level.grant()).map_err(|field| {
        let (noun, name) = (level.noun(), level.name());
        AdminError::ExceedsGrantor(
            field,
            format!(
                "`{field}` names more than the {noun} `{name}` may use. Leave it out to get what the {noun} has, name \
                 less, or have the {noun} widened first."
            ),
        )
    })
}
