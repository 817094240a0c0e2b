//! Proving keys that are already kept, and what a proof does to a key's state.

use keyward_domain::credential::{Credential, CredentialState, Finding};
use keyward_domain::ids::CredentialId;
use keyward_domain::port::{Change, Records};
use tokio::task::JoinSet;

use super::KeyView;
use crate::control::{Control, Probed, is_void};
use crate::error::AdminError;
use crate::operation::Permit;

/// How many providers' answers are waited for at the same time.
const MAX_PARALLEL_PROBES: usize = 8;

/// The state of a key after a proof. Silence proves nothing, and only people switch a key on that people switched off.
pub(super) fn settled(before: CredentialState, finding: Finding) -> CredentialState {
    match (before, finding) {
        (CredentialState::Disabled, _) => CredentialState::Disabled,
        (_, Finding::Valid) => CredentialState::Active,
        (_, Finding::Unreachable) => before,
        (_, Finding::Malformed | Finding::Unauthorised | Finding::NoPermission | Finding::NoCredit) => {
            CredentialState::Suspect
        }
    }
}

/// Tests these keys by calls that cost nothing, several at a time, and keeps what was found in one commit. Keys that
/// were sealed for another destination are not sent anywhere and stay as they are.
pub async fn test_keys(
    control: &Control,
    permit: &Permit<'_>,
    records: &Records,
    ids: &[CredentialId],
) -> Result<Vec<KeyView>, AdminError> {
    control.require_unlocked()?;
    let wanted = records.credentials.iter().filter(|key| ids.contains(&key.id));
    let mut found: Vec<(CredentialId, u64, Probed)> = Vec::new();
    let mut running = JoinSet::new();
    for key in wanted {
        let provider = Control::provider_of(records, key)?;
        if is_void(key, provider) {
            continue;
        }
        let secret =
            control.open_for(key, provider)?.unwrap_or_else(|| keyward_domain::secret::Secret::new(Vec::new()));
        if running.len() >= MAX_PARALLEL_PROBES {
            found.extend(joined(running.join_next().await)?);
        }
        let (id, version, probe) = (key.id, key.seal_version, control.probe(provider, secret));
        running.spawn(async move { (id, version, probe.await) });
    }
    while let Some(probed) = running.join_next().await {
        found.extend(joined(Some(probed))?);
    }
    keep(control, permit, ids, found).await
}

fn joined<T>(probed: Option<Result<T, tokio::task::JoinError>>) -> Result<Option<T>, AdminError> {
    probed.transpose().map_err(|error| {
        tracing::error!(%error, "a probe died");
        AdminError::Internal
    })
}

/// Commits what was found on top of what the records are now: they may have changed while the providers thought.
async fn keep(
    control: &Control,
    permit: &Permit<'_>,
    ids: &[CredentialId],
    found: Vec<(CredentialId, u64, Probed)>,
) -> Result<Vec<KeyView>, AdminError> {
    let mut records = control.records().await?;
    let mut changed = Vec::new();
    for (id, version, probed) in found {
        let held = records.credentials.iter_mut().find(|key| key.id == id && key.seal_version == version);
        if let Some(key) = held {
            apply(key, probed);
            changed.push(key.clone());
        }
    }
    if !changed.is_empty() {
        let object = match changed.as_slice() {
            [only] => only.id.to_string(),
            several => format!("{} keys", several.len()),
        };
        let each = changed.iter().map(|key| {
            let finding = key.proof.as_ref().map_or("", |proof| proof.finding.as_str());
            format!("{} {finding}", key.name)
        });
        let detail = each.collect::<Vec<_>>().join(", ");
        control.commit(permit, changed.into_iter().map(Change::PutCredential).collect(), &object, &detail).await?;
    }
    let tested = records.credentials.iter().filter(|key| ids.contains(&key.id));
    tested.map(|key| KeyView::among(key, &records)).collect()
}

fn apply(key: &mut Credential, probed: Probed) {
    key.state = settled(key.state, probed.proof.finding);
    if let Some(models) = probed.models {
        key.models = models;
    }
    key.proof = Some(probed.proof);
    key.revision += 1;
}
