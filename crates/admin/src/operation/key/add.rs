use keyward_domain::credential::{Credential, CredentialState, Finding};
use keyward_domain::ids::{CredentialId, TenantId};
use keyward_domain::port::{Change, Records};
use keyward_domain::principal::Action;
use keyward_domain::provider::{Provider, ProviderKind};
use keyward_domain::routing::KeyTerms;
use keyward_domain::secret::Secret;
use serde::Deserialize;
use utoipa::ToSchema;

use super::proof::settled;
use super::{KeyView, TermsChange};
use crate::control::{Control, check_form};
use crate::error::AdminError;
use crate::field::{Name, Reference, SecretText};
use crate::operation::{Operation, Permit};

/// Adds a provider key: checks its form, seals it, asks the provider by a call that costs nothing whether it works and
/// which models it has, and puts it to use if so. The answer's `state` and `proof` say what was found.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddKey {
    /// The provider's id or name.
    pub provider: Reference,
    /// What to call it; `default`, `key-2`, ... when left out.
    pub name: Option<Name>,
    /// The key itself. Left out only for servers that want none.
    pub secret: Option<SecretText>,
    /// `false` adds it without asking the provider; it stays `pending`.
    #[serde(default = "yes")]
    pub check: bool,
    /// On which terms it is used.
    pub terms: Option<TermsChange>,
}

const fn yes() -> bool {
    true
}

impl Operation for AddKey {
    type Output = KeyView;
    const NAME: &'static str = "key.add";
    const ACTION: Action = Action::Write;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<KeyView, AdminError> {
        control.require_unlocked()?;
        let records = control.records().await?;
        let provider = Control::find_provider(&records, &self.provider)?;
        let name = self.name.map_or_else(|| free_name(&records, provider), Name::into_string);
        refuse_taken_name(&records, provider, &name)?;
        let secret = self.secret.map_or_else(|| Secret::new(Vec::new()), SecretText::into_secret);
        check_secret(provider, &secret)?;
        let index = control.fingerprint(&secret)?;
        refuse_duplicate(&records, provider, &index)?;

        let mut key = blank(control, provider, name)?;
        if let Some(terms) = self.terms {
            key.terms = terms.over(key.terms, key.created_at)?;
        }
        let mut changes = control.seal_into(&mut key, &secret)?;
        if self.check {
            let probed = control.probe(provider, secret).await;
            key.state = settled(key.state, probed.proof.finding);
            key.models = probed.models.over(Vec::new());
            key.proof = Some(probed.proof);
        }
        let detail = format!("{}/{}: {}", provider.name, key.name, described(&key));
        changes.push(Change::PutCredential(key.clone()));
        // Looked at again: somebody may have added the same secret while the provider thought.
        let _turn = control.turn_to_keep().await;
        refuse_duplicate(&control.records().await?, provider, &index)?;
        control.commit(permit, changes, &key.id, &detail).await?;
        if let Some(proof) = &key.proof {
            control.tested(&key, proof.finding, permit.principal());
        }
        Ok(KeyView::in_full(control, &key, provider))
    }

    fn revision(output: &KeyView) -> Option<u64> {
        Some(output.revision)
    }
}

fn blank(control: &Control, provider: &Provider, name: String) -> Result<Credential, AdminError> {
    let now = control.now();
    Ok(Credential {
        id: CredentialId::mint(now, control.entropy())?,
        tenant: TenantId::DEFAULT,
        provider: provider.id,
        name,
        state: CredentialState::Pending,
        hint: String::new(),
        envelope: Vec::new(),
        seal_version: 1,
        sealed_for: provider.base_url.clone(),
        blind_index: Vec::new(),
        models: Vec::new(),
        proof: None,
        terms: KeyTerms::default(),
        created_at: now,
        revision: 1,
    })
}

fn described(key: &Credential) -> String {
    let finding = key.proof.as_ref().map_or("not checked", |proof| proof.finding.as_str());
    format!("{}, {finding}, {} models", key.state.as_str(), key.models.len())
}

/// Whether this could be a key of this provider at all. Nothing is sent for one that cannot.
pub(super) fn check_secret(provider: &Provider, secret: &Secret) -> Result<(), AdminError> {
    if secret.is_empty() {
        return match provider.kind {
            ProviderKind::Sandbox | ProviderKind::OpenAiCompatible => Ok(()),
            _ => Err(AdminError::invalid_field(
                "secret",
                format!("`{}` needs a key: send it as `secret`", provider.name),
            )),
        };
    }
    check_form(secret).map_err(|why| {
        AdminError::KeyMalformed(format!(
            "This cannot be a key ({}): {why}. Copy it again.",
            Finding::Malformed.as_str()
        ))
    })
}

/// The same secret twice would count its limits twice. An empty index is that of no secret.
pub(super) fn refuse_duplicate(records: &Records, provider: &Provider, index: &[u8]) -> Result<(), AdminError> {
    if index.is_empty() {
        let keyless = records.credentials.iter().find(|key| key.provider == provider.id && key.envelope.is_empty());
        return keyless.map_or(Ok(()), |key| {
            let message =
                format!("`{}` already has a key without a secret, `{}`; one is enough.", provider.name, key.name);
            Err(AdminError::AlreadyExists(message))
        });
    }
    let Some(held) = records.credentials.iter().find(|key| key.blind_index == index) else { return Ok(()) };
    let owner = Control::provider_of(records, held)?;
    Err(AdminError::DuplicateKey(format!("{}/{}", owner.name, held.name)))
}

pub(super) fn refuse_taken_name(records: &Records, provider: &Provider, name: &str) -> Result<(), AdminError> {
    if records.credentials.iter().any(|key| key.provider == provider.id && key.name == name) {
        let message = format!("`{}` already has a key `{name}`. Choose another name.", provider.name);
        return Err(AdminError::AlreadyExists(message));
    }
    Ok(())
}

fn free_name(records: &Records, provider: &Provider) -> String {
    let taken = |name: &str| records.credentials.iter().any(|key| key.provider == provider.id && key.name == name);
    if !taken("default") {
        return "default".to_owned();
    }
    // One more than there are keys: one of these names is free.
    let candidates = (2..records.credentials.len() + 3).map(|number| format!("key-{number}"));
    candidates.into_iter().find(|name| !taken(name)).unwrap_or_else(|| "default".to_owned())
}
