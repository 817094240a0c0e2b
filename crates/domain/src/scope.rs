//! Whose money and whose calls: the scopes that one call touches at once. Budgets, limits and reports all ask the same
//! function ([`Subject::scopes`](crate::ledger::Subject::scopes)) which scopes an attempt belongs to, so what refuses is
//! what is shown.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::{CredentialId, ProviderId, TeamId, TenantId, UserId};
use crate::token::TokenId;

/// The longest name of an end user or a tag, in bytes.
pub const MAX_CLAIM: usize = 128;

/// The most tags that one call may carry, those of its virtual key included.
pub const MAX_TAGS: usize = 16;

/// A sort of scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeKind {
    /// The whole installation.
    Global,
    /// A tenant.
    Tenant,
    /// A team of a tenant.
    Team,
    /// A user of a tenant.
    User,
    /// A customer of the caller's own.
    EndUser,
    /// A virtual key.
    VirtualKey,
    /// A label that a call carries.
    Tag,
    /// A provider.
    Provider,
    /// A provider key.
    Credential,
    /// A model at a provider.
    Model,
}

/// One of the scopes that a call touches. The order of the variants is the order in which they are locked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The whole installation.
    Global,
    /// A tenant.
    Tenant(TenantId),
    /// A team.
    Team(TeamId),
    /// A user.
    User(UserId),
    /// A customer of the caller's own, by the name that the caller gives.
    EndUser(TenantId, Arc<str>),
    /// A virtual key.
    VirtualKey(TokenId),
    /// A label.
    Tag(TenantId, Arc<str>),
    /// A provider.
    Provider(ProviderId),
    /// A provider key.
    Credential(CredentialId),
    /// A model: tenant, and `provider/model`.
    Model(TenantId, Arc<str>),
}

/// What a budget or a limit is set on: one scope, or each of a kind for itself, known beforehand or not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// This one.
    One(Scope),
    /// Each scope of this kind within the tenant has one of its own; of [`ScopeKind::Tenant`], each tenant of the
    /// installation.
    Each(ScopeKind),
}

impl ScopeKind {
    /// Within which tenant each scope of this kind is meant, when this tenant says so. Tenants stand side by side, and
    /// providers and their keys belong to the installation: each of them is meant whoever says it, and whoever calls.
    pub fn within(self, tenant: TenantId) -> TenantId {
        match self {
            Self::Global | Self::Tenant | Self::Provider | Self::Credential => TenantId::DEFAULT,
            Self::Team | Self::User | Self::EndUser | Self::VirtualKey | Self::Tag | Self::Model => tenant,
        }
    }

    /// Whether a scope of this kind belongs to one tenant and does not name it.
    pub fn hides_its_tenant(self) -> bool {
        matches!(self, Self::Team | Self::User | Self::VirtualKey)
    }

    /// Every kind, in the order of [`Scope`].
    pub const ALL: [Self; 10] = [
        Self::Global,
        Self::Tenant,
        Self::Team,
        Self::User,
        Self::EndUser,
        Self::VirtualKey,
        Self::Tag,
        Self::Provider,
        Self::Credential,
        Self::Model,
    ];

    /// The word that config, APIs and messages use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Tenant => "tenant",
            Self::Team => "team",
            Self::User => "user",
            Self::EndUser => "end_user",
            Self::VirtualKey => "virtual_key",
            Self::Tag => "tag",
            Self::Provider => "provider",
            Self::Credential => "credential",
            Self::Model => "model",
        }
    }

    /// The word in front of a name where people name a scope of this kind: `team:research`, `vkey:ci`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::VirtualKey => "vkey",
            Self::Credential => "key",
            kind => kind.as_str(),
        }
    }

    /// The kind that this word names; people also say `key` for a provider key and `vkey` for a virtual one.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "vkey" => Some(Self::VirtualKey),
            "key" => Some(Self::Credential),
            word => Self::ALL.into_iter().find(|kind| kind.as_str() == word),
        }
    }

    /// Whether the scope depends on who asks only; the others depend on who serves the call.
    pub const fn is_callers(self) -> bool {
        !matches!(self, Self::Provider | Self::Credential | Self::Model)
    }
}

impl Scope {
    /// Its sort.
    pub const fn kind(&self) -> ScopeKind {
        match self {
            Self::Global => ScopeKind::Global,
            Self::Tenant(_) => ScopeKind::Tenant,
            Self::Team(_) => ScopeKind::Team,
            Self::User(_) => ScopeKind::User,
            Self::EndUser(..) => ScopeKind::EndUser,
            Self::VirtualKey(_) => ScopeKind::VirtualKey,
            Self::Tag(..) => ScopeKind::Tag,
            Self::Provider(_) => ScopeKind::Provider,
            Self::Credential(_) => ScopeKind::Credential,
            Self::Model(..) => ScopeKind::Model,
        }
    }

    /// What tells it from the others of its kind, as stores and counters keep it: an id, or `tenant/name`. Empty for the
    /// whole installation.
    pub fn key(&self) -> String {
        match self {
            Self::Global => String::new(),
            Self::Tenant(id) => id.to_string(),
            Self::Team(id) => id.to_string(),
            Self::User(id) => id.to_string(),
            Self::VirtualKey(id) => id.to_string(),
            Self::Provider(id) => id.to_string(),
            Self::Credential(id) => id.to_string(),
            Self::EndUser(tenant, name) | Self::Tag(tenant, name) | Self::Model(tenant, name) => {
                format!("{tenant}/{name}")
            }
        }
    }

    /// The scope of this kind that [`Scope::key`] wrote so.
    pub fn parse(kind: ScopeKind, key: &str) -> Option<Self> {
        let named = || {
            let (tenant, name) = key.split_once('/')?;
            Some((tenant.parse().ok()?, Arc::from(name)))
        };
        Some(match kind {
            ScopeKind::Global => return key.is_empty().then_some(Self::Global),
            ScopeKind::Tenant => Self::Tenant(key.parse().ok()?),
            ScopeKind::Team => Self::Team(key.parse().ok()?),
            ScopeKind::User => Self::User(key.parse().ok()?),
            ScopeKind::VirtualKey => Self::VirtualKey(key.parse().ok()?),
            ScopeKind::Provider => Self::Provider(key.parse().ok()?),
            ScopeKind::Credential => Self::Credential(key.parse().ok()?),
            ScopeKind::EndUser => named().map(|(tenant, name)| Self::EndUser(tenant, name))?,
            ScopeKind::Tag => named().map(|(tenant, name)| Self::Tag(tenant, name))?,
            ScopeKind::Model => named().map(|(tenant, name)| Self::Model(tenant, name))?,
        })
    }
}

/// `team:team_...`, as the command line takes it too. Who knows names says those instead.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind().word())?;
        match self {
            Self::Global => Ok(()),
            Self::EndUser(TenantId::DEFAULT, name)
            | Self::Tag(TenantId::DEFAULT, name)
            | Self::Model(TenantId::DEFAULT, name) => write!(f, ":{name}"),
            _ => write!(f, ":{}", self.key()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Scope, ScopeKind};
    use crate::ids::{CredentialId, ProviderId, TeamId, TenantId, UserId};
    use crate::token::TokenId;

    #[test]
    fn what_is_kept_of_a_scope_gives_the_scope_back() {
        let tenant = TenantId::from_bits(7);
        let scopes = [
            Scope::Global,
            Scope::Tenant(tenant),
            Scope::Team(TeamId::from_bits(1)),
            Scope::User(UserId::from_bits(2)),
            Scope::EndUser(tenant, "a/b".into()),
            Scope::VirtualKey(TokenId::from_bits(3)),
            Scope::Tag(tenant, "".into()),
            Scope::Provider(ProviderId::from_bits(4)),
            Scope::Credential(CredentialId::from_bits(5)),
            Scope::Model(tenant, "openai/gpt-4o".into()),
        ];
        assert_eq!(scopes.each_ref().map(Scope::kind), ScopeKind::ALL);
        for scope in scopes {
            assert_eq!(Scope::parse(scope.kind(), &scope.key()), Some(scope));
        }
        assert_eq!(Scope::parse(ScopeKind::Global, "x"), None);
        assert_eq!(Scope::parse(ScopeKind::Tag, "no tenant"), None);
    }

    #[test]
    fn a_scope_reads_as_the_command_line_takes_it() {
        let (ours, theirs) = (TenantId::DEFAULT, TenantId::from_bits(7));
        assert_eq!(Scope::Global.to_string(), "global");
        assert_eq!(Scope::Team(TeamId::from_bits(1)).to_string(), format!("team:{}", TeamId::from_bits(1)));
        assert_eq!(Scope::VirtualKey(TokenId::from_bits(3)).to_string(), format!("vkey:{}", TokenId::from_bits(3)));
        assert_eq!(Scope::Model(ours, "openai/gpt-4o".into()).to_string(), "model:openai/gpt-4o");
        assert_eq!(Scope::Tag(theirs, "batch".into()).to_string(), format!("tag:{theirs}/batch"));
    }
}
