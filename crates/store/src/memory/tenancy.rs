//! Tenants, teams and users.

use keyward_domain::ids::{TeamId, TenantId, UserId};
use keyward_domain::port::{Change, Records, StoreError};
use keyward_domain::tenancy::{Team, Tenant, User};

use super::change::{Kind, put, remove};

/// Applies a change of them. After an error the records are to be thrown away.
pub(super) fn apply(records: &mut Records, change: &Change) -> Result<(), StoreError> {
    match change {
        Change::PutTenant(tenant) => put(&mut records.tenants, tenant, &TENANT, |other| other.name == tenant.name),
        Change::RemoveTenant(id) => {
            if has_anything(records, *id) {
                return Err(StoreError::InUse(format!("tenant `{id}`")));
            }
            remove(&mut records.tenants, |tenant| tenant.id == *id, || format!("tenant `{id}`"))
        }
        Change::PutTeam(team) => {
            put(&mut records.teams, team, &TEAM, |other| other.tenant == team.tenant && other.name == team.name)
        }
        Change::RemoveTeam(id) => {
            let has_users = records.users.iter().any(|user| user.team == Some(*id));
            if has_users || records.virtual_keys.iter().any(|key| key.team == Some(*id)) {
                return Err(StoreError::InUse(format!("team `{id}`")));
            }
            remove(&mut records.teams, |team| team.id == *id, || format!("team `{id}`"))
        }
        Change::PutUser(user) => {
            put(&mut records.users, user, &USER, |other| other.tenant == user.tenant && other.name == user.name)
        }
        Change::RemoveUser(id) => {
            if records.virtual_keys.iter().any(|key| key.user == Some(*id)) {
                return Err(StoreError::InUse(format!("user `{id}`")));
            }
            remove(&mut records.users, |user| user.id == *id, || format!("user `{id}`"))
        }
        _ => Ok(()),
    }
}

fn has_anything(records: &Records, tenant: TenantId) -> bool {
    records.teams.iter().any(|team| team.tenant == tenant)
        || records.users.iter().any(|user| user.tenant == tenant)
        || records.providers.iter().any(|provider| provider.tenant == tenant)
        || records.virtual_keys.iter().any(|key| key.tenant == tenant)
        || records.aliases.iter().any(|alias| alias.tenant == tenant)
        || records.budgets.iter().any(|budget| budget.tenant == tenant)
        || records.limits.iter().any(|limit| limit.tenant == tenant)
}

const TENANT: Kind<Tenant, TenantId> =
    Kind { key: |record| record.id, revision: |record| record.revision, keyed_by_name: false };
const TEAM: Kind<Team, TeamId> =
    Kind { key: |record| record.id, revision: |record| record.revision, keyed_by_name: false };
const USER: Kind<User, UserId> =
    Kind { key: |record| record.id, revision: |record| record.revision, keyed_by_name: false };
