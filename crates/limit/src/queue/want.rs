use std::sync::Arc;

use keyward_domain::denial::LimitReached;
use keyward_domain::ids::ProviderId;
use keyward_domain::limit::{LimitPeriod, Meter};
use keyward_domain::port::Ask;
use keyward_domain::scope::Scope;

/// What a call waits for. Those who want the same stand in one line; nobody stands behind somebody who wants something
/// else.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Want {
    /// Room in a limit.
    Limit {
        /// On what it is set.
        scope: Scope,
        /// What it counts.
        meter: Meter,
        /// Within which time.
        period: Option<LimitPeriod>,
    },
    /// A provider key.
    Keys {
        /// Of this provider.
        provider: ProviderId,
        /// For this model.
        model: Arc<str>,
        /// Of this account, for calls that no other can serve.
        account: Option<u64>,
    },
}

impl Want {
    /// Room in the limit that is asked.
    pub fn of_ask(ask: &Ask) -> Self {
        Self::Limit { scope: ask.scope.clone(), meter: ask.limit.meter, period: ask.limit.period }
    }

    /// Room in the limit that refused.
    pub fn of_limit(reached: &LimitReached) -> Self {
        Self::Limit { scope: reached.scope.clone(), meter: reached.meter, period: reached.period }
    }

    /// Whether it is a key of this provider.
    pub fn is_key_of(&self, of: ProviderId) -> bool {
        matches!(self, Self::Keys { provider, .. } if *provider == of)
    }
}
