use keyward_domain::credential::{Credential, Proof};
use keyward_domain::port::Records;
use keyward_domain::provider::Provider;
use serde::Serialize;
use utoipa::ToSchema;

use super::{KeyHealthView, TermsView};
use crate::control::{Control, is_void};
use crate::error::AdminError;
use crate::field::Moment;

/// A provider key as the control plane shows it: never its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyView {
    /// Its id.
    pub id: String,
    /// The provider it is for.
    pub provider: String,
    /// What people call it; unique within the provider.
    pub name: String,
    /// Where it is in its life: `pending` (not yet proved), `active` (in use), `disabled` (switched off), `suspect`
    /// (refused by the provider, or sealed for another destination), `draining` (gets no new calls), `retired` (out of
    /// use for good), `revoked` (withdrawn at the provider).
    pub state: &'static str,
    /// A safe reminder of which key it is; empty for providers that want no key.
    pub hint: String,
    /// The destination that the secret is sealed for.
    pub sealed_for: String,
    /// Whether the provider has moved away from that destination, so that the key has to be entered again.
    pub void: bool,
    /// How many models it was seen to offer.
    pub model_count: usize,
    /// Those models; only when one key is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<String>>,
    /// The last proof that it works or does not.
    pub proof: Option<ProofView>,
    /// What is known of its fitness; `null` while its provider is disabled.
    pub health: Option<KeyHealthView>,
    /// On which terms it is used.
    pub terms: TermsView,
    /// When it was added.
    pub created_at: Moment,
    /// Grows by one with every change; send it back as `If-Match`.
    pub revision: u64,
}

/// What a live validation found.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProofView {
    /// When the provider was asked.
    pub at: Moment,
    /// `valid`, `malformed`, `unauthorised`, `no_permission`, `no_credit`, `unreachable`.
    pub finding: &'static str,
    /// A sentence about it.
    pub detail: String,
}

impl KeyView {
    /// The view for lists.
    pub fn of(control: &Control, key: &Credential, provider: &Provider) -> Self {
        Self {
            id: key.id.to_string(),
            provider: provider.name.clone(),
            name: key.name.clone(),
            state: key.state.as_str(),
            hint: key.hint.clone(),
            sealed_for: key.sealed_for.to_string(),
            void: is_void(key, provider),
            model_count: key.models.len(),
            models: None,
            proof: key.proof.as_ref().map(ProofView::of),
            health: control.known(key).map(|known| KeyHealthView::of(&known, control.now())),
            terms: TermsView::of(&key.terms),
            created_at: Moment(key.created_at),
            revision: key.revision,
        }
    }

    /// The view for one key alone.
    pub fn in_full(control: &Control, key: &Credential, provider: &Provider) -> Self {
        Self { models: Some(key.models.clone()), ..Self::of(control, key, provider) }
    }

    /// The view for lists, of a key among its records.
    pub fn among(control: &Control, key: &Credential, records: &Records) -> Result<Self, AdminError> {
        Ok(Self::of(control, key, Control::provider_of(records, key)?))
    }
}

impl ProofView {
    /// The view of a proof.
    pub fn of(proof: &Proof) -> Self {
        Self { at: Moment(proof.at), finding: proof.finding.as_str(), detail: proof.detail.clone() }
    }
}
