use std::collections::BTreeMap;

use keyward_domain::port::{Durability, LedgerTotals, Records};
use keyward_domain::standing::Standing;
use keyward_domain::virtual_key::KeyStatus;
use serde::Serialize;
use utoipa::ToSchema;

use super::warning::Scene;
use crate::control::{Control, LivePicture};
use crate::field::{Moment, usd};
use crate::operation::key::{ProofView, full_name};

/// One page of everything.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatusView {
    /// Keyward's version.
    pub version: &'static str,
    /// When this was.
    pub at: Moment,
    /// The installation's id; `null` before `init`.
    pub install: Option<String>,
    /// Whether a server runs; `false` when the command line looks at a stopped installation.
    pub serving: bool,
    /// How long it has been running, in seconds.
    pub uptime_seconds: u64,
    /// Calls in progress; `null` for those who see one tenant only.
    pub in_flight: Option<u64>,
    /// Whether it is finishing what it has and takes nothing new.
    pub draining: bool,
    /// The configuration's revision in the store; `null` for those who see one tenant only.
    pub revision: Option<u64>,
    /// The revision that the data plane works with; `null` for those who see one tenant only.
    pub live_revision: Option<u64>,
    /// `locked` or `unlocked`.
    pub vault: &'static str,
    /// Providers; `null` for those who see one tenant only.
    pub providers: Option<usize>,
    /// Of them, enabled.
    pub enabled_providers: Option<usize>,
    /// Provider keys, each with its state and last proof.
    pub keys: Vec<KeyStatusLine>,
    /// Virtual keys that are not revoked.
    pub virtual_keys: usize,
    /// Of them, accepted now.
    pub active_virtual_keys: usize,
    /// The ledger.
    pub ledger: LedgerStatus,
    /// The ledger's journal; `null` for those who see one tenant only.
    pub journal: Option<JournalStatus>,
    /// Answers that no rule knew, by provider, since the server started: they were judged by their status alone.
    pub unknown_answers: BTreeMap<String, u64>,
    /// Budgets that have nothing left in the window of this moment.
    pub exhausted_budgets: Vec<ExhaustedBudget>,
    /// Why the counters that several nodes share cannot be asked; `null` while all is well.
    pub degraded_counters: Option<String>,
    /// What needs attention, and what to do about it.
    pub warnings: Vec<String>,
}

/// A budget that has nothing left.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ExhaustedBudget {
    /// Its id.
    pub id: String,
    /// What it is set on.
    pub scope: String,
    /// Its window.
    pub per: String,
    /// How many scopes have nothing left: 1, or more for a budget on each of a kind.
    pub scopes: usize,
}

/// A provider key in one line.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyStatusLine {
    /// `provider/name`.
    pub key: String,
    /// `pending`, `active`, `disabled`, `suspect`, `draining`, `retired`, `revoked`.
    pub state: &'static str,
    /// How fit it is: `active`, `cooling`, `exhausted`, `suspect`; `null` while its provider is disabled.
    pub standing: Option<&'static str>,
    /// When it is back by itself.
    pub until: Option<Moment>,
    /// The last proof that it works or does not.
    pub proof: Option<ProofView>,
}

/// The ledger in a few figures.
#[derive(Debug, Serialize, ToSchema)]
pub struct LedgerStatus {
    /// Rows.
    pub entries: u64,
    /// Their cost in nano-dollars, as far as prices are known, with all that was reserved for unsettled ones.
    pub cost_nanodollars: i64,
    /// The same in dollars.
    pub cost_usd: String,
    /// Rows whose price is unknown: their cost is missing above.
    pub unpriced: u64,
    /// Rows that a dead process left behind: what they cost is the most that they may have cost. `null` for those who see
    /// one tenant only.
    pub unsettled: Option<u64>,
}

/// The ledger's journal in a few figures.
#[derive(Debug, Serialize, ToSchema)]
pub struct JournalStatus {
    /// What an acknowledged row survives: `process` (a killed process) or `strict` (a power cut too).
    pub durability: &'static str,
    /// Whether it can be written.
    pub healthy: bool,
    /// Rows written that the store has not taken over yet.
    pub pending_rows: u64,
}

impl StatusView {
    pub(super) fn of(control: &Control, scene: &Scene<'_>, warnings: Vec<String>) -> Self {
        let Scene { records, totals, live, exhausted, degraded, .. } = *scene;
        let (part, ledger) = (Self::of_part(scene, warnings), LedgerStatus::of(totals));
        Self {
            in_flight: Some(live.in_flight),
            revision: Some(records.revision),
            live_revision: Some(live.snapshot_revision),
            providers: Some(records.providers.len()),
            enabled_providers: Some(records.providers.iter().filter(|provider| provider.enabled).count()),
            keys: lines(control, records),
            ledger: LedgerStatus { unsettled: Some(totals.unsettled), ..ledger },
            journal: Some(JournalStatus::of(live)),
            unknown_answers: live.unknown_answers.clone(),
            exhausted_budgets: exhausted.to_vec(),
            degraded_counters: degraded.map(str::to_owned),
            ..part
        }
    }

    /// What those see who see one tenant, or one team of it: nothing that others have a share in.
    pub(super) fn of_part(scene: &Scene<'_>, warnings: Vec<String>) -> Self {
        let Scene { records, totals, live, locked, now, .. } = *scene;
        let keys = records.virtual_keys.iter().filter(|key| key.status != KeyStatus::Revoked);
        Self {
            version: env!("CARGO_PKG_VERSION"),
            at: Moment(now),
            install: records.install.map(|id| id.to_string()),
            serving: live.serving,
            uptime_seconds: live.uptime.as_secs(),
            in_flight: None,
            draining: live.draining,
            revision: None,
            live_revision: None,
            vault: if locked { "locked" } else { "unlocked" },
            providers: None,
            enabled_providers: None,
            keys: Vec::new(),
            virtual_keys: keys.clone().count(),
            active_virtual_keys: keys.filter(|key| key.check_active(now).is_ok()).count(),
            ledger: LedgerStatus::of(totals),
            journal: None,
            unknown_answers: BTreeMap::new(),
            exhausted_budgets: Vec::new(),
            degraded_counters: None,
            warnings,
        }
    }
}

impl LedgerStatus {
    fn of(totals: LedgerTotals) -> Self {
        Self {
            entries: totals.entries,
            cost_nanodollars: totals.cost.0,
            cost_usd: usd(totals.cost),
            unpriced: totals.unpriced,
            unsettled: None,
        }
    }
}

impl JournalStatus {
    fn of(live: &LivePicture) -> Self {
        Self {
            durability: match live.journal.durability {
                Durability::Process => "process",
                Durability::Strict => "strict",
            },
            healthy: live.journal.failure.is_none(),
            pending_rows: live.journal.pending_rows,
        }
    }
}

fn lines(control: &Control, records: &Records) -> Vec<KeyStatusLine> {
    let line = |key: &keyward_domain::credential::Credential| {
        let standing = control.known(key).map(|known| known.standing);
        KeyStatusLine {
            key: full_name(key, records),
            state: key.state.as_str(),
            standing: standing.map(Standing::as_str),
            until: standing.and_then(Standing::until).map(Moment),
            proof: key.proof.as_ref().map(ProofView::of),
        }
    };
    let mut lines: Vec<_> = records.credentials.iter().map(line).collect();
    lines.sort_by(|a, b| a.key.cmp(&b.key));
    lines
}
