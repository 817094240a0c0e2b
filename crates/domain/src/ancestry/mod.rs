//! What is above a virtual key, a user or a team, and the rule that holds between them: a child is never wider than its
//! parent. At issue ([`Grant::is_within`]) what would be wider is refused; at every use the levels are asked one by one
//! ([`GrantChain`]), so a parent that is made narrower later makes its children narrower at once.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::dialect::Operation;
use crate::ids::{TeamId, TenantId, UserId};
use crate::port::Records;
use crate::tenancy::{Team, Tenant, User};
use crate::virtual_key::{Grant, VirtualKey};

/// One level above a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level<'r> {
    /// Its tenant.
    Tenant(&'r Tenant),
    /// Its team.
    Team(&'r Team),
    /// Its user.
    User(&'r User),
}

/// Who is above whom, ready to be asked about many keys.
#[derive(Debug)]
pub struct Ancestry<'r> {
    tenants: HashMap<TenantId, &'r Tenant>,
    teams: HashMap<TeamId, &'r Team>,
    users: HashMap<UserId, &'r User>,
}

/// What the levels above a key leave of what its own grant says. Empty, and asked with one comparison, where no level
/// restricts anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantChain {
    is_enabled: bool,
    grants: Vec<Grant>,
}

impl Level<'_> {
    /// What people call this sort of level.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Tenant(_) => "tenant",
            Self::Team(_) => "team",
            Self::User(_) => "user",
        }
    }

    /// What people call this one.
    pub fn name(&self) -> &str {
        match self {
            Self::Tenant(tenant) => &tenant.name,
            Self::Team(team) => &team.name,
            Self::User(user) => &user.name,
        }
    }

    /// What anybody below may do at most.
    pub const fn grant(&self) -> &Grant {
        match self {
            Self::Tenant(tenant) => &tenant.grant,
            Self::Team(team) => &team.grant,
            Self::User(user) => &user.grant,
        }
    }

    /// Whether keys below are accepted.
    pub const fn is_enabled(self) -> bool {
        match self {
            Self::Tenant(tenant) => tenant.enabled,
            Self::Team(team) => team.enabled,
            Self::User(user) => user.enabled,
        }
    }
}

impl<'r> Ancestry<'r> {
    /// Who is above whom in these records.
    pub fn of(records: &'r Records) -> Self {
        Self {
            tenants: records.tenants.iter().map(|tenant| (tenant.id, tenant)).collect(),
            teams: records.teams.iter().map(|team| (team.id, team)).collect(),
            users: records.users.iter().map(|user| (user.id, user)).collect(),
        }
    }

    /// The team of a key: its own, else the one of its user.
    pub fn team_of(&self, key: &VirtualKey) -> Option<TeamId> {
        key.team.or_else(|| self.users.get(&key.user?)?.team)
    }

    /// The levels above whatever is in this tenant, team and user, the widest first. `None` when one of them is not
    /// there, or belongs to another tenant. The default tenant need not have a record.
    pub fn above(&self, tenant: TenantId, team: Option<TeamId>, user: Option<UserId>) -> Option<Vec<Level<'r>>> {
        let mut levels = Vec::new();
        match self.tenants.get(&tenant) {
            Some(known) => levels.push(Level::Tenant(known)),
            None if tenant == TenantId::DEFAULT => {}
            None => return None,
        }
        if let Some(team) = team {
            levels.push(Level::Team(self.teams.get(&team).filter(|team| team.tenant == tenant)?));
        }
        if let Some(user) = user {
            levels.push(Level::User(self.users.get(&user).filter(|user| user.tenant == tenant)?));
        }
        Some(levels)
    }

    /// What is left of a key's grant. A key whose tenant, team or user is not there is not accepted.
    pub fn chain(&self, key: &VirtualKey) -> GrantChain {
        let Some(levels) = self.above(key.tenant, self.team_of(key), key.user) else {
            return GrantChain { is_enabled: false, grants: Vec::new() };
        };
        let restricting = levels.iter().filter(|level| !level.grant().is_open());
        GrantChain {
            is_enabled: levels.iter().all(|level| level.is_enabled()),
            grants: restricting.map(|level| level.grant().clone()).collect(),
        }
    }
}

impl Default for GrantChain {
    /// Nobody above says anything.
    fn default() -> Self {
        Self { is_enabled: true, grants: Vec::new() }
    }
}

impl GrantChain {
    /// Whether every level above is switched on.
    pub const fn is_enabled(&self) -> bool {
        self.is_enabled
    }

    /// Whether every level above allows a model that goes by these names.
    pub fn allows_model(&self, names: &[&str]) -> bool {
        self.grants.iter().all(|grant| grant.allows_model(names))
    }

    /// Whether every level above allows this operation. A level that names none leaves it to those below, leases
    /// included.
    pub fn allows_operation(&self, operation: Operation) -> bool {
        self.grants.iter().all(|grant| grant.leaves_operation(operation))
    }

    /// Whether every level above allows calls from this address.
    pub fn allows_address(&self, address: IpAddr) -> bool {
        self.grants.iter().all(|grant| grant.allows_address(address))
    }
}

#[cfg(test)]
mod tests;
