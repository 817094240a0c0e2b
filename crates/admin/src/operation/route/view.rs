use std::collections::BTreeMap;

use keyward_pool::{Account, Ask, CandidateView, Choice, Why};
use serde::Serialize;
use utoipa::ToSchema;

use crate::control::{Control, Target};
use crate::field::{Moment, usd};

/// A model at a provider that may serve a name, with its keys.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TargetView {
    /// `provider/model`.
    pub deployment: String,
    /// The provider.
    pub provider: String,
    /// The provider's own name for the model.
    pub model: String,
    /// Its share of an alias's calls relative to the others, where they share them.
    pub weight: u16,
    /// How one of its keys is chosen.
    pub strategy: &'static str,
    /// How many calls it may have under way at once, provider or model, whichever is less; `null` for any number.
    pub at_once: Option<u32>,
    /// What a call like many costs here at most, in dollars; `null` when the price is unknown.
    pub typical_cost_usd: Option<String>,
    /// Whether the virtual key may use it; `null` when none was asked about.
    pub allowed: Option<bool>,
    /// Whether it is served without a key.
    pub keyless: bool,
    /// The key that would be chosen; `null` when none can serve.
    pub chosen: Option<String>,
    /// Whether it would serve: allowed, and with a key.
    pub serves: bool,
    /// Every key in the order of preference.
    pub keys: Vec<KeyCandidateView>,
}

/// A key as a candidate for a call.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct KeyCandidateView {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// `chosen`, `ready` (it could, and would be next), `skipped`.
    pub choice: &'static str,
    /// Why it was skipped, as a word for programs.
    pub why: Option<String>,
    /// The same as a sentence for people.
    pub detail: Option<String>,
    /// When that is over by itself.
    pub back: Option<Moment>,
    /// Keys of the same number share an account and its limits.
    pub account: usize,
    /// Its tier: lower ones go first.
    pub tier: u8,
    /// Its weight.
    pub weight: u32,
    /// Its circuit: `closed`, `open`, `half_open`.
    pub circuit: &'static str,
    /// Calls under way.
    pub in_flight: u32,
    /// The average time to the first content for this model, in milliseconds, once known.
    pub latency_ms: Option<u64>,
    /// Failures of late, in thousandths.
    pub failing_permille: u32,
    /// The least that would be left of any of its provider's limits, in thousandths; `null` when too little is.
    pub room_permille: Option<u32>,
}

impl TargetView {
    /// The view of a target, for a call for which nothing else is known. `is_alone` says that nobody else could serve it.
    pub(super) fn of(control: &Control, target: &Target, is_alone: bool) -> Self {
        let moment = control.moment();
        let ask = Ask { is_alone, ..Ask::new(&target.model) };
        let rows = if target.is_keyless { Vec::new() } else { target.pool.explain(&ask, moment) };
        let chosen = rows.iter().find(|row| row.choice == Choice::Chosen).map(|row| row.name.to_string());
        let circuits: BTreeMap<_, _> =
            target.pool.keys(moment).iter().map(|known| (known.credential, known.circuit.phase)).collect();
        let circuit = |row: &CandidateView| circuits.get(&row.credential).copied().unwrap_or("closed");
        let mut accounts: Vec<Account> = Vec::new();
        let keys = rows.iter().map(|row| KeyCandidateView::of(row, number(&mut accounts, row.account), circuit(row)));
        let keys = keys.collect();
        Self {
            deployment: format!("{}/{}", target.provider_name, target.model),
            provider: target.provider_name.clone(),
            model: target.model.clone(),
            weight: target.weight,
            strategy: target.pool.strategy().as_str(),
            at_once: target.pool.at_once(&target.model, moment),
            typical_cost_usd: target.typical_cost.map(usd),
            allowed: target.allowed,
            keyless: target.is_keyless,
            serves: target.allowed != Some(false) && (chosen.is_some() || target.is_keyless),
            chosen,
            keys,
        }
    }
}

impl KeyCandidateView {
    fn of(row: &CandidateView, account: usize, circuit: &'static str) -> Self {
        Self {
            id: row.credential.to_string(),
            name: row.name.to_string(),
            choice: match row.choice {
                Choice::Chosen => "chosen",
                Choice::Ready => "ready",
                Choice::Skipped => "skipped",
            },
            why: row.why.as_ref().map(word_of),
            detail: row.why.as_ref().map(ToString::to_string),
            back: row.back.map(Moment),
            account,
            tier: row.tier,
            weight: row.weight,
            circuit,
            in_flight: row.in_flight,
            latency_ms: row.latency_ms,
            failing_permille: row.failing_permille,
            room_permille: row.room_permille,
        }
    }
}

/// The word that programs know a reason by.
pub(crate) fn word_of(why: &Why) -> String {
    let written = serde_json::to_value(why).unwrap_or_default();
    written.get("why").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}

/// Accounts are numbered as they come, from 1.
fn number(accounts: &mut Vec<Account>, account: Account) -> usize {
    let known = accounts.iter().position(|known| *known == account);
    let place = known.unwrap_or_else(|| {
        accounts.push(account);
        accounts.len() - 1
    });
    place + 1
}
