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

/// What proving is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aim {
    /// To know.
    Test,
    /// To put keys that are switched off to use again.
    Enable,
}

/// The state of a key after a proof. Silence proves nothing, and only people switch a key on that people switched off.
pub(super) fn settled(before: CredentialState, finding: Finding) -> CredentialState {
    if before.is_off() {
        return before;
    }
    match finding {
        Finding::Valid => CredentialState::Active,
        Finding::Unreachable => before,
        Finding::Malformed | Finding::Unauthorised | Finding::NoPermission | Finding::NoCredit => {
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
    prove(control, permit, records, ids, Aim::Test).await
}

/// Switches a key on again and tests it, in the same commit: what is audited is one change with its result.
pub(super) async fn enable_key(
    control: &Control,
    permit: &Permit<'_>,
    records: &Records,
    key: &Credential,
) -> Result<KeyView, AdminError> {
    let proved = prove(control, permit, records, &[key.id], Aim::Enable).await?;
    proved.into_iter().next().ok_or_else(|| AdminError::not_found("provider key", &key.name))
}

async fn prove(
    control: &Control,
    permit: &Permit<'_>,
    records: &Records,
    ids: &[CredentialId],
    aim: Aim,
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
    keep(control, permit, ids, found, aim).await
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
    aim: Aim,
) -> Result<Vec<KeyView>, AdminError> {
    let mut records = control.records().await?;
    let mut changed: Vec<Credential> = Vec::new();
    for (id, version, probed) in found {
        let held = records.credentials.iter_mut().find(|key| key.id == id && key.seal_version == version);
        match held {
            Some(key) => {
                if aim == Aim::Enable {
                    key.state = switched_on(key);
                }
                apply(key, probed);
                changed.push(key.clone());
            }
            // Nobody asked for what is there now to be switched on.
            None if aim == Aim::Enable => return Err(AdminError::Conflict(format!("The provider key `{id}`"))),
            None => {}
        }
    }
    if !changed.is_empty() {
        let (object, detail) = described(&changed, &records)?;
        control.commit(permit, changed.iter().cloned().map(Change::PutCredential).collect(), &object, &detail).await?;
        learn(control, permit, &changed, aim);
        control.keep_standings().await?;
    }
    let tested = records.credentials.iter().filter(|key| ids.contains(&key.id));
    tested.map(|key| KeyView::among(control, key, &records)).collect()
}

/// Tells the pools what was found. A key that is switched on begins afresh.
fn learn(control: &Control, permit: &Permit<'_>, changed: &[Credential], aim: Aim) {
    for key in changed {
        let Some(finding) = key.proof.as_ref().map(|proof| proof.finding) else { continue };
        if aim == Aim::Enable && finding == Finding::Valid {
            control.cleared(key.id, permit.principal());
        }
        control.tested(key, finding, permit.principal());
    }
}

/// What the audit log says about these keys: of many in few words, because its details are short.
fn described(changed: &[Credential], records: &Records) -> Result<(String, String), AdminError> {
    let finding = |key: &Credential| key.proof.as_ref().map_or("", |proof| proof.finding.as_str());
    if let [only] = changed {
        let provider = Control::provider_of(records, only)?;
        let detail = format!("{}/{}: {}, {}", provider.name, only.name, only.state.as_str(), finding(only));
        return Ok((only.id.to_string(), detail));
    }
    let each: Vec<_> = changed.iter().map(|key| format!("{} {}", key.name, finding(key))).collect();
    Ok((format!("{} keys", changed.len()), each.join(", ")))
}

/// Where a key stands that is switched on, until the provider has been asked: what worked once is used.
fn switched_on(key: &Credential) -> CredentialState {
    let was_valid = key.proof.as_ref().is_some_and(|proof| proof.finding == Finding::Valid);
    if was_valid { CredentialState::Active } else { CredentialState::Pending }
}

fn apply(key: &mut Credential, probed: Probed) {
    key.state = settled(key.state, probed.proof.finding);
    key.models = probed.models.over(std::mem::take(&mut key.models));
    key.proof = Some(probed.proof);
    key.revision += 1;
}
