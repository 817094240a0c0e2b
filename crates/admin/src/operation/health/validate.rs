//! The background validator: asks providers, by calls that cost nothing, about keys of which nothing was heard for a
//! while. There are no probes that cost anything.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use keyward_domain::credential::{Credential, CredentialState, Finding};
use keyward_domain::ids::{CredentialId, ProviderId};
use keyward_domain::port::Records;
use keyward_domain::principal::Principal;
use keyward_domain::secret::Secret;
use keyward_domain::standing::Standing;
use keyward_domain::time::Timestamp;
use keyward_pool::KeyView;
use tokio::task::JoinSet;

use crate::control::Control;
use crate::error::AdminError;
use crate::operation::Permit;
use crate::operation::key::{TestKey, test_keys};

/// A key that fails too often is asked about this often: a valid one gets its next try at once.
const FAILING_EVERY: Duration = Duration::from_mins(1);
/// A key whose credit is gone is asked about this often at most.
const EXHAUSTED_EVERY: Duration = Duration::from_hours(1);
/// By how much moments of asking are spread, in percent either way: keys that came together do not stay together.
const SPREAD_PERCENT: u64 = 20;

/// What the rounds of the validator remember.
#[derive(Debug, Default)]
pub struct Rounds {
    /// When each key was last asked about, also where nobody answered.
    asked: HashMap<CredentialId, Timestamp>,
}

/// Asks about every key whose time has come, one at a time per provider. Gives how many were asked about. What is found
/// goes to the pools; only a key that comes into use by it is changed, and audited.
pub async fn validate_due(control: &Control, idle_after: Duration, rounds: &mut Rounds) -> Result<usize, AdminError> {
    if control.vault().is_locked() {
        return Ok(0);
    }
    let records = control.records().await?;
    rounds.asked.retain(|id, _| records.credentials.iter().any(|key| key.id == *id));
    let mut due: BTreeMap<ProviderId, Vec<&Credential>> = BTreeMap::new();
    for key in records.credentials.iter().filter(|key| is_due(control, key, idle_after, rounds)) {
        due.entry(key.provider).or_default().push(key);
    }
    let mut asked = 0;
    loop {
        let turn: Vec<&Credential> = due.values_mut().filter_map(Vec::pop).collect();
        if turn.is_empty() {
            return Ok(asked);
        }
        asked += turn.len();
        rounds.asked.extend(turn.iter().map(|key| (key.id, control.now())));
        one_per_provider(control, &records, &turn).await?;
    }
}

/// Asks about these keys at the same time; each is of another provider.
async fn one_per_provider(control: &Control, records: &Records, keys: &[&Credential]) -> Result<(), AdminError> {
    let mut running = JoinSet::new();
    for key in keys {
        let provider = Control::provider_of(records, key)?;
        // One that does not open is told of where it is used.
        let Ok(secret) = control.open_for(key, provider) else { continue };
        let probe = control.probe(provider, secret.unwrap_or_else(|| Secret::new(Vec::new())));
        let id = key.id;
        running.spawn(async move { (id, probe.await.proof.finding) });
    }
    let mut to_use = Vec::new();
    while let Some(ended) = running.join_next().await {
        let Ok((id, finding)) = ended else { continue };
        control.pools().registry().probed(id, finding, control.moment());
        let is_in_use = records.credentials.iter().any(|key| key.id == id && key.state == CredentialState::Active);
        if finding == Finding::Valid && !is_in_use {
            to_use.push(id);
        }
    }
    if !to_use.is_empty() {
        let permit = Permit::of::<TestKey>(&Principal::System)?;
        test_keys(control, &permit, records, &to_use).await?;
    }
    Ok(())
}

fn is_due(control: &Control, key: &Credential, idle_after: Duration, rounds: &Rounds) -> bool {
    let Some(known) = control.known(key) else { return false };
    let Some(every) = every(key, &known, idle_after) else { return false };
    let heard = [rounds.asked.get(&key.id).copied(), known.proved_at, heard_in_traffic(&known)];
    let last = heard.into_iter().flatten().max().unwrap_or(key.created_at);
    control.now().since(last) >= spread(every, key.id, last)
}

/// How often a key is asked about; `None` for one that is left alone.
fn every(key: &Credential, known: &KeyView, idle_after: Duration) -> Option<Duration> {
    match key.state {
        CredentialState::Active => {}
        CredentialState::Suspect => return Some(idle_after),
        // One that was never asked about was added so on purpose.
        CredentialState::Pending => return key.proof.is_some().then_some(idle_after),
        CredentialState::Disabled | CredentialState::Draining | CredentialState::Retired | CredentialState::Revoked => {
            return None;
        }
    }
    match known.standing {
        Standing::Exhausted { until: None } => Some(idle_after.max(EXHAUSTED_EVERY)),
        // Its provider said when it is back, or an operator did.
        Standing::Cooling { .. } | Standing::Exhausted { until: Some(_) } if known.circuit.phase == "closed" => None,
        _ if known.circuit.phase == "half_open" => Some(FAILING_EVERY.min(idle_after)),
        _ => Some(idle_after),
    }
}

/// A key that is used proves itself.
fn heard_in_traffic(known: &KeyView) -> Option<Timestamp> {
    known.last_success.max(known.last_failure)
}

/// The length, somewhat shorter or longer by key and by turn.
fn spread(every: Duration, key: CredentialId, last: Timestamp) -> Duration {
    let bits = key
        .to_bytes()
        .iter()
        .chain(&last.unix_millis().to_be_bytes())
        .fold(0_u64, |mixed, byte| (mixed ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(7));
    let percent = 100 - SPREAD_PERCENT + bits % (2 * SPREAD_PERCENT + 1);
    let millis = u64::try_from(every.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(millis.saturating_mul(percent) / 100)
}
