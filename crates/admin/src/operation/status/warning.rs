//! What needs attention. Each warning is a sentence that says what is wrong and what to do.

use std::time::Duration;

use keyward_domain::budget::Budget;
use keyward_domain::catalog::Pricing;
use keyward_domain::credential::{Credential, CredentialState};
use keyward_domain::port::{LedgerTotals, Records};
use keyward_domain::provider::ProviderKind;
use keyward_domain::standing::Standing;
use keyward_domain::time::Timestamp;
use keyward_domain::virtual_key::KeyStatus;

use super::view::ExhaustedBudget;
use crate::control::{Control, LivePicture, is_void};
use crate::operation::key::full_name;

/// Provider keys that end within this time are announced: a new one has to be asked for somewhere else.
const KEY_EXPIRY_NOTICE: Duration = Duration::from_hours(30 * 24);

/// Virtual keys that end within this time are announced.
const EXPIRY_NOTICE: Duration = Duration::from_hours(7 * 24);

/// What the warnings are made from.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) records: &'a Records,
    pub(super) totals: LedgerTotals,
    pub(super) live: &'a LivePicture,
    pub(super) locked: bool,
    pub(super) now: Timestamp,
    pub(super) exhausted: &'a [ExhaustedBudget],
    pub(super) degraded: Option<&'a str>,
}

pub(super) fn warnings(control: &Control, scene: &Scene<'_>) -> Vec<String> {
    let mut warnings = scene.live.warnings.clone();
    server(scene, &mut warnings);
    keys(scene, &mut warnings);
    standings(control, scene, &mut warnings);
    ends_of_keys(scene, &mut warnings);
    accounts(scene, &mut warnings);
    virtual_keys(scene, &mut warnings);
    ledger(scene, &mut warnings);
    allowances(scene, &mut warnings);
    prices(control, scene, &mut warnings);
    warnings
}

/// The same for those who see one tenant, or one team of it.
pub(super) fn warnings_of_part(scene: &Scene<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    virtual_keys(scene, &mut warnings);
    warnings
}

fn server(scene: &Scene<'_>, warnings: &mut Vec<String>) {
    if let Some(failure) = &scene.live.journal.failure {
        warnings.push(format!(
            "The ledger cannot be written ({failure}), so calls are refused. Check the disk of the home."
        ));
    }
    if scene.locked {
        warnings.push("The vault is locked: no provider key can be used. Run `keyward unlock`.".to_owned());
    }
    if scene.live.serving && scene.live.snapshot_revision < scene.records.revision {
        let (live, stored) = (scene.live.snapshot_revision, scene.records.revision);
        warnings.push(format!("The data plane works with revision {live} while the store is at {stored}. See the log; restart if it stays."));
    }
}

fn keys(scene: &Scene<'_>, warnings: &mut Vec<String>) {
    let records = scene.records;
    let usable = |key: &&Credential| {
        let enabled = records.providers.iter().any(|provider| provider.id == key.provider && provider.enabled);
        key.state == CredentialState::Active && enabled
    };
    if records.credentials.is_empty() {
        warnings.push("There is no provider key yet. Add one with `keyward key add PROVIDER`.".to_owned());
    } else if !records.credentials.iter().any(|key| usable(&key)) {
        warnings.push("No provider key is in use. See `keyward key list`.".to_owned());
    }
    for key in &records.credentials {
        let Ok(provider) = Control::provider_of(records, key) else { continue };
        let name = format!("{}/{}", provider.name, key.name);
        let said = key.proof.as_ref().map_or("", |proof| proof.detail.as_str());
        if is_void(key, provider) && !key.state.is_final() {
            warnings.push(format!(
                "The key `{name}` was sealed for {}: enter it again with `keyward key replace {name}`.",
                key.sealed_for
            ));
        } else if key.state == CredentialState::Suspect {
            warnings.push(format!(
                "The key `{name}` is refused by the provider. {said} Then run `keyward key test {name}`."
            ));
        } else if key.state == CredentialState::Pending {
            warnings
                .push(format!("The key `{name}` has not been proved to work. {said} Run `keyward key test {name}`."));
        }
    }
}

/// Keys that only a person can bring back, and answers that the tables should know.
fn standings(control: &Control, scene: &Scene<'_>, warnings: &mut Vec<String>) {
    for key in scene.records.credentials.iter().filter(|key| key.state == CredentialState::Active) {
        let Some(known) = control.known(key).and_then(|known| known.known) else { continue };
        let (name, reason) = (full_name(key, scene.records), known.reason);
        match known.standing {
            Standing::Suspect => warnings.push(format!(
                "The key `{name}` is not used: {reason}. See `keyward key events {name}`; enter it again with `keyward \
                 key replace {name}`, or run `keyward key test {name}` when the provider accepts it again."
            )),
            Standing::Exhausted { until: None } => warnings
                .push(format!("The key `{name}` is not used: {reason}. Pay, then run `keyward key test {name}`.")),
            _ => {}
        }
    }
    for (provider, count) in &scene.live.unknown_answers {
        let answers = if *count == 1 { "answer" } else { "answers" };
        warnings.push(format!(
            "{count} {answers} of `{provider}` were of a kind that no rule knows, and were judged by their status alone. \
             Say what they mean with `keyward provider update {provider} --rules FILE`."
        ));
    }
}

fn ends_of_keys(scene: &Scene<'_>, warnings: &mut Vec<String>) {
    for key in scene.records.credentials.iter().filter(|key| !key.state.is_final()) {
        let (Some(end), Ok(provider)) = (key.terms.expires_at, Control::provider_of(scene.records, key)) else {
            continue;
        };
        let name = format!("{}/{}", provider.name, key.name);
        if end <= scene.now {
            warnings.push(format!(
                "The key `{name}` has expired and is not used. Extend it with `keyward key update {name} --expires`, or retire it."
            ));
        } else if end.since(scene.now) <= KEY_EXPIRY_NOTICE {
            let left = left(end.since(scene.now));
            warnings.push(format!(
                "The key `{name}` expires in {left}. Extend it with `keyward key update {name} --expires`."
            ));
        }
    }
}

/// How long something lasts yet: in days, and towards the end in hours.
fn left(length: Duration) -> String {
    match length.as_secs().div_ceil(3600) {
        hours @ 0..48 => format!("{hours} h"),
        hours => format!("{} days", hours / 24),
    }
}

/// A hint, once for all providers: where limits count per account, which keys share one decides what rests together.
fn accounts(scene: &Scene<'_>, warnings: &mut Vec<String>) {
    let records = scene.records;
    let alone = |key: &&Credential| key.terms.quota_group.is_none() && !key.state.is_final();
    let unsaid = records.providers.iter().filter(|provider| {
        let keys = records.credentials.iter().filter(|key| key.provider == provider.id).filter(alone);
        counts_per_account(provider.kind) && keys.count() > 1
    });
    let names: Vec<_> = unsaid.map(|provider| format!("`{}`", provider.name)).collect();
    if !names.is_empty() {
        warnings.push(format!(
            "Several keys of {} have no quota group, and are taken for keys of different accounts. Limits there count per \
             account: say which keys share one with `keyward key update KEY --quota-group NAME`, or with \
             `quota_group` in the config file.",
            names.join(", ")
        ));
    }
}

/// Whether all keys of one account, organisation or project share its limits, as these vendors document it.
const fn counts_per_account(kind: ProviderKind) -> bool {
    matches!(kind, ProviderKind::OpenAi | ProviderKind::Anthropic | ProviderKind::Gemini)
}

fn virtual_keys(scene: &Scene<'_>, warnings: &mut Vec<String>) {
    let keys = || scene.records.virtual_keys.iter().filter(|key| key.status != KeyStatus::Revoked);
    if keys().next().is_none() {
        warnings.push("There is no virtual key yet. Create one with `keyward vkey create NAME`.".to_owned());
    }
    for key in keys().filter(|key| key.status == KeyStatus::Active) {
        let Some(end) = key.expires_at else { continue };
        if end <= scene.now {
            warnings.push(format!(
                "The virtual key `{}` has expired. Extend it with `keyward vkey update`, or revoke it.",
                key.name
            ));
        } else if end.since(scene.now) <= EXPIRY_NOTICE {
            let hours = end.since(scene.now).as_secs().div_ceil(3600);
            warnings.push(format!(
                "The virtual key `{}` expires in {hours} h. Extend it with `keyward vkey update`.",
                key.name
            ));
        }
    }
}

fn allowances(scene: &Scene<'_>, warnings: &mut Vec<String>) {
    for ExhaustedBudget { scope, per, scopes, .. } in scene.exhausted {
        let whose = if *scopes == 1 { String::new() } else { format!(" for {scopes} of them") };
        warnings.push(format!(
            "The budget of `{scope}` per {per} is used up{whose}: calls are refused. See `keyward budget show {scope}`; raise it \
             with `keyward budget set {scope} --usd`, or for a while with `--top-up`."
        ));
    }
    warnings.extend(scene.degraded.map(|why| format!("{why} Check the server that `counters.url` names.")));
}

/// Models that somebody chose for an alias and that a budget will not let be called, or that cost nobody knows what.
fn prices(control: &Control, scene: &Scene<'_>, warnings: &mut Vec<String>) {
    let records = scene.records;
    let is_unknown = |target: &str| {
        let (name, model) = target.split_once('/')?;
        let provider = records.providers.iter().find(|provider| provider.name == name && provider.enabled)?;
        (control.standing(records, provider, model).pricing == Pricing::Unknown).then_some(())
    };
    let binds = if records.budgets.iter().any(Budget::refuses) { ", and budgets refuse what has none" } else { "" };
    for alias in &records.aliases {
        let unknown = alias.targets.iter().filter(|target| is_unknown(target).is_some());
        warnings.extend(unknown.map(|target| {
            format!(
                "The alias `{}` leads to `{target}`, whose price is unknown{binds}. Set it with `keyward model price {target}`.",
                alias.name
            )
        }));
    }
}

fn ledger(scene: &Scene<'_>, warnings: &mut Vec<String>) {
    let LedgerTotals { unpriced, unsettled, .. } = scene.totals;
    if unpriced > 0 {
        let rows = if unpriced == 1 { "row has" } else { "rows have" };
        warnings.push(format!("{unpriced} ledger {rows} no price, so the cost shown is too low. Find the models with `keyward model list --price unknown` and set prices with `keyward model price`."));
    }
    if unsettled > 0 {
        let rows = if unsettled == 1 { "row was" } else { "rows were" };
        warnings.push(format!("{unsettled} ledger {rows} left unsettled by a process that died and counted with the reserved amount, the most that can have been spent. Compare with the provider's bill."));
    }
}
