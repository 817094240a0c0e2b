//! What a snapshot is made of.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::HeaderValue;
use keyward_domain::catalog::{Catalog, Pricing};
use keyward_domain::credential::{Credential, CredentialState};
use keyward_domain::ids::{CredentialId, ProviderId};
use keyward_domain::origin::{BaseUrl, Origin};
use keyward_domain::provider::ProviderKind;
use keyward_domain::virtual_key::VirtualKey;

use super::FastMap;
use super::resolve::Resolution;

/// A virtual key and the world it lives in.
pub(crate) struct KeyEntry {
    pub(crate) record: VirtualKey,
    pub(crate) world: Arc<World>,
}

/// What one tenant can reach.
pub(crate) struct World {
    /// Prices of models that no list contains.
    pub(crate) catalog: Arc<Catalog>,
    /// Every name that a client may send as `model`.
    pub(crate) models: FastMap<Box<str>, Resolution>,
    /// Providers by name, for `provider/model` names that no list contains.
    pub(crate) providers: FastMap<Box<str>, Arc<ProviderEntry>>,
    /// What the model lists show, in order.
    pub(crate) cards: Vec<ModelCard>,
}

/// A provider that calls may be routed to, with its pool.
pub struct ProviderEntry {
    /// Its id.
    pub id: ProviderId,
    /// Its name.
    pub name: Arc<str>,
    /// The name as a header value.
    pub(crate) name_header: HeaderValue,
    /// The sort of server.
    pub kind: ProviderKind,
    /// Where it is.
    pub base: BaseUrl,
    /// Where to connect.
    pub(crate) origin: Arc<Origin>,
    /// The same as the `Host` header has it.
    pub(crate) host: HeaderValue,
    /// Whether addresses inside a private network are acceptable, because the operator named the host.
    pub(crate) allow_private: bool,
    /// Whether it works without a key.
    pub(crate) keyless: bool,
    /// Which part of the catalog has its prices.
    pub(crate) catalog: Option<Box<str>>,
    /// Whether the operator declared it free.
    pub(crate) free: bool,
    /// Its credentials, usable or not.
    pub pool: Vec<Arc<Pooled>>,
    /// Whose turn it is: the seam for selection strategies.
    pub(crate) turn: AtomicUsize,
}

/// A credential in a pool, still sealed.
pub struct Pooled {
    /// Its id.
    pub id: CredentialId,
    /// Its name.
    pub name: Arc<str>,
    pub(crate) name_header: HeaderValue,
    /// The record with the sealed secret.
    pub record: Credential,
}

/// A model at a provider, with its price.
pub struct Deployment {
    /// Who serves it.
    pub provider: Arc<ProviderEntry>,
    /// The provider's own name for it.
    pub model: Arc<str>,
    /// The name as a header value.
    pub(crate) model_header: HeaderValue,
    /// `provider/model`.
    pub qualified: Arc<str>,
    /// What it costs.
    pub pricing: Pricing,
    /// Which price table says so.
    pub price_version: Arc<str>,
    /// Context window, in tokens, when known.
    pub context: Option<u64>,
    /// The longest answer, in tokens, when known.
    pub max_output: Option<u64>,
}

/// A line of a model list.
#[derive(Clone)]
pub struct ModelCard {
    /// The name to send.
    pub id: Arc<str>,
    /// Other names that clients may use for it.
    pub also: Vec<Arc<str>>,
    /// What may serve it.
    pub targets: Arc<[Arc<Deployment>]>,
    /// Who serves it.
    pub owner: Arc<str>,
    /// Context window in tokens, when known.
    pub context: Option<u64>,
    /// Longest answer in tokens, when known.
    pub max_output: Option<u64>,
}

impl ProviderEntry {
    /// The pool, beginning with the credential whose turn it is: round robin.
    pub(crate) fn in_turn(&self) -> impl Iterator<Item = &Arc<Pooled>> {
        let first = match self.pool.len() {
            0 | 1 => 0,
            several => self.turn.fetch_add(1, Ordering::Relaxed) % several,
        };
        let (later, sooner) = self.pool.split_at(first);
        sooner.iter().chain(later)
    }
}

impl Pooled {
    /// Why it cannot be used now, if it cannot.
    pub(crate) fn unusable(&self) -> Option<&'static str> {
        match self.record.state {
            CredentialState::Active => None,
            CredentialState::Pending => Some("not yet validated: run `keyward key test`"),
            CredentialState::Disabled => Some("disabled: run `keyward key enable`"),
            CredentialState::Suspect => Some("refused by the provider: run `keyward key test`"),
            CredentialState::Draining => Some("draining: it gets no new calls"),
            CredentialState::Retired => Some("retired"),
            CredentialState::Revoked => Some("revoked at the provider"),
        }
    }
}
