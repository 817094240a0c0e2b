//! What people call scopes, for refusals: a client is told of a budget or limit by the name that the command line takes.

use keyward_domain::ids::{TeamId, TenantId, UserId};
use keyward_domain::port::Records;
use keyward_domain::scope::Scope;
use keyward_domain::tenancy::DEFAULT_TENANT;

use super::{FastMap, Snapshot};

/// The names of who calls. Looked at only when a call is refused.
pub(super) struct Names {
    tenants: FastMap<TenantId, Box<str>>,
    teams: FastMap<TeamId, (TenantId, Box<str>)>,
    users: FastMap<UserId, (TenantId, Box<str>)>,
}

impl Names {
    pub(super) fn of(records: &Records) -> Self {
        let name = |name: &str| Box::from(name);
        Self {
            tenants: records.tenants.iter().map(|tenant| (tenant.id, name(&tenant.name))).collect(),
            teams: records.teams.iter().map(|team| (team.id, (team.tenant, name(&team.name)))).collect(),
            users: records.users.iter().map(|user| (user.id, (user.tenant, name(&user.name)))).collect(),
        }
    }

    /// With the tenant in front; the default one goes without saying.
    fn full(&self, tenant: TenantId, name: &str) -> Option<String> {
        if tenant == TenantId::DEFAULT {
            return Some(name.to_owned());
        }
        Some(format!("{}/{name}", self.tenants.get(&tenant)?))
    }

    /// Names that come with calls may look as if a tenant stood in front: then the default one has to be said.
    fn claimed(&self, tenant: TenantId, name: &str) -> Option<String> {
        let is_split =
            name.split_once('/').is_some_and(|(front, _)| self.tenants.values().any(|known| **known == *front));
        if tenant == TenantId::DEFAULT && is_split {
            return Some(format!("{}/{name}", self.tenant(tenant)?));
        }
        self.full(tenant, name)
    }

    fn tenant(&self, tenant: TenantId) -> Option<&str> {
        let named = self.tenants.get(&tenant).map(|name| &**name);
        named.or((tenant == TenantId::DEFAULT).then_some(DEFAULT_TENANT))
    }
}

impl Snapshot {
    /// A scope as the command line takes it, as in `team:research`, for a caller of this tenant; `None` where only its id can
    /// be said: it is gone, belongs to somebody else, or is a provider's key.
    pub(crate) fn name_of(&self, scope: &Scope, caller: TenantId) -> Option<String> {
        let named = |owner: TenantId, name: &str| (owner == caller).then(|| self.names.full(owner, name))?;
        let name = match scope {
            Scope::Global | Scope::Credential(_) => return None,
            Scope::Tenant(id) => (*id == caller).then(|| self.names.tenant(*id))??.to_owned(),
            Scope::Team(id) => self.names.teams.get(id).and_then(|(owner, name)| named(*owner, name))?,
            Scope::User(id) => self.names.users.get(id).and_then(|(owner, name)| named(*owner, name))?,
            Scope::VirtualKey(id) => {
                let key = &self.keys.get(&id.bits())?.record;
                named(key.tenant, &key.name)?
            }
            Scope::EndUser(owner, name) | Scope::Tag(owner, name) => {
                (*owner == caller).then(|| self.names.claimed(*owner, name))??
            }
            Scope::Model(owner, name) => named(*owner, name)?,
            Scope::Provider(id) => self.providers(caller).find(|provider| provider.id == *id)?.name.to_string(),
        };
        Some(format!("{}:{name}", scope.kind().word()))
    }
}
