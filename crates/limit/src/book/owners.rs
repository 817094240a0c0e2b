//! Who has the scopes that do not say so.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use keyward_domain::ids::TenantId;
use keyward_domain::port::Records;
use keyward_domain::scope::Scope;

/// The tenants of the teams, users and virtual keys that there are.
#[derive(Debug, Default)]
pub(super) struct Owners(HashMap<Scope, TenantId, RandomState>);

impl Owners {
    pub(super) fn among(records: &Records) -> Self {
        let teams = records.teams.iter().map(|team| (Scope::Team(team.id), team.tenant));
        let users = records.users.iter().map(|user| (Scope::User(user.id), user.tenant));
        let keys = records.virtual_keys.iter().map(|key| (Scope::VirtualKey(key.id), key.tenant));
        Self(teams.chain(users).chain(keys).collect())
    }

    /// `None` for one that is not there, or no longer.
    pub(super) fn of(&self, scope: &Scope) -> Option<TenantId> {
        self.0.get(scope).copied()
    }
}
