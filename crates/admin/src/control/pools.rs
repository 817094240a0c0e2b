//! The port to what pools know, and what people and probes tell them.

use std::sync::Arc;

use keyward_domain::alias::TargetOrder;
use keyward_domain::credential::{Credential, Finding};
use keyward_domain::ids::{CredentialId, ProviderId, TenantId};
use keyward_domain::money::Nanodollars;
use keyward_domain::principal::Principal;
use keyward_domain::routing::FallbackClass;
use keyward_domain::standing::{KeyEvent, Standing};
use keyward_domain::token::TokenId;
use keyward_pool::{KeyView, Moment, Pool, Registry};
use tokio::sync::broadcast;

use super::{Control, thread_died};
use crate::error::AdminError;

/// What pools know. The data plane's own, not a copy.
pub trait Pools: Send + Sync {
    /// The living state of all keys.
    fn registry(&self) -> &Registry;

    /// The pool of a provider; `None` for one that is not enabled.
    fn of(&self, provider: ProviderId) -> Option<Arc<Pool>>;

    /// Where a name leads that a tenant's clients send as `model`, and what of that this virtual key may use.
    fn lead(&self, tenant: TenantId, model: &str, vkey: Option<TokenId>) -> Lead;

    /// Waits until every change of a standing so far is in the store; `false` when it could not be written. Blocks.
    fn flush(&self) -> bool;

    /// Every change of a standing from now on.
    fn listen(&self) -> broadcast::Receiver<KeyEvent>;
}

/// Where a name leads.
pub enum Lead {
    /// There.
    To(Way),
    /// To several deployments; which one is meant has to be said.
    Several(Vec<String>),
    /// Nowhere; these names look like it.
    Nowhere(Vec<String>),
}

/// What may serve a name.
pub struct Way {
    /// The name as it is kept.
    pub name: String,
    /// In which order the targets are tried.
    pub order: TargetOrder,
    /// What may serve it, as listed.
    pub targets: Vec<Target>,
    /// What is gone on to, by what stood in the way.
    pub fallback: Vec<(FallbackClass, Vec<Target>)>,
}

/// A model at a provider.
pub struct Target {
    /// The provider.
    pub provider: ProviderId,
    /// Its name.
    pub provider_name: String,
    /// The provider's own name for the model.
    pub model: String,
    /// Its share of the calls of an alias.
    pub weight: u16,
    /// What a call like many costs at most; `None` when the price is unknown.
    pub typical_cost: Option<Nanodollars>,
    /// Whether it is served without a key.
    pub is_keyless: bool,
    /// Whether the virtual key may use it; `None` when none was asked about.
    pub allowed: Option<bool>,
    /// The keys that there are for it.
    pub pool: Arc<Pool>,
}

impl Control {
    /// What pools know.
    pub fn pools(&self) -> &dyn Pools {
        self.ports.pools.as_ref()
    }

    /// Now, on both clocks.
    pub fn moment(&self) -> Moment {
        Moment::new(self.ports.clock.now(), self.ports.clock.monotonic())
    }

    /// What is known of a key; `None` while its provider is not enabled.
    pub fn known(&self, key: &Credential) -> Option<KeyView> {
        self.pools().of(key.provider)?.key(key.id, self.moment())
    }

    /// Tells the pool what a test found that an operator asked for. Where only a person can help, a person has just
    /// looked: a key that works is taken to be helped. Rests that end by themselves are not cut short: that a key is
    /// valid does not say that its limits are free again.
    pub(crate) fn tested(&self, key: &Credential, finding: Finding, principal: &Principal) {
        let waits_for_people =
            self.known(key).is_some_and(|known| matches!(known.standing, Standing::Exhausted { until: None }));
        if finding == Finding::Valid && waits_for_people {
            self.cleared(key.id, principal);
        }
        self.pools().registry().probed(key.id, finding, self.moment());
    }

    /// Tells the pool that nothing is held against a key any more. Returns whether the pool knows the key.
    pub(crate) fn cleared(&self, key: CredentialId, principal: &Principal) -> bool {
        self.pools().registry().clear(key, &principal.label(), self.moment())
    }

    /// Waits until every change of a standing so far is in the store.
    pub(crate) async fn keep_standings(&self) -> Result<(), AdminError> {
        let pools = Arc::clone(&self.ports.pools);
        let kept = tokio::task::spawn_blocking(move || pools.flush()).await.map_err(|error| thread_died(&error))?;
        if kept { Ok(()) } else { Err(AdminError::NotKept) }
    }
}
