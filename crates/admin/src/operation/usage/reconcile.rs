use keyward_domain::ledger::{Drift, Figures};
use keyward_domain::principal::Action;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::control::{Control, drift_named};
use crate::error::AdminError;
use crate::field::{Moment, Since, ZoneName, usd};
use crate::operation::{Operation, Permit};

/// Adds the ledger's rows up anew and compares what comes out with the sums that budgets and reports are made of, and
/// with the balances that refuse calls. Changes nothing. A running server does it by itself: each minute what was touched,
/// each hour everything.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReconcileUsage {
    /// From when on, by when attempts began; the last 400 days when left out.
    pub since: Option<Since>,
    /// Where plain dates begin; UTC when left out.
    #[serde(default)]
    pub zone: ZoneName,
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reconciled {
    /// From when on.
    pub since: Moment,
    /// Rows that were added up.
    pub rows: u64,
    /// Scopes whose sums were compared.
    pub scopes: u64,
    /// Whether everything agrees.
    pub agrees: bool,
    /// By how much money sums and rows differ, all together, in nano-dollars.
    pub drift_nanodollars: i64,
    /// What does not agree; at most 100.
    pub drifts: Vec<DriftView>,
    /// What does not agree besides.
    pub more_drifts: u64,
}

/// A sum that does not agree with its rows.
#[derive(Debug, Serialize, ToSchema)]
pub struct DriftView {
    /// Whose: a kind of scope and what tells it from others, or `reports`; and of which budget, where it is not a sum but a
    /// balance. Of a balance only the money is kept.
    pub scope: String,
    /// What the rows say.
    pub rows: FiguresView,
    /// What is kept.
    pub kept: FiguresView,
}

/// Sums over some rows.
#[derive(Debug, Serialize, ToSchema)]
pub struct FiguresView {
    /// Attempts.
    pub attempts: u64,
    /// Their cost in nano-dollars.
    pub cost_nanodollars: i64,
    /// The same in dollars.
    pub cost_usd: String,
    /// Attempts whose price is unknown.
    pub unpriced: u64,
    /// Tokens of prompts.
    pub input_tokens: u64,
    /// Tokens of answers.
    pub output_tokens: u64,
}

impl Operation for ReconcileUsage {
    type Output = Reconciled;
    const NAME: &'static str = "usage.reconcile";
    const ACTION: Action = Action::Read;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<Reconciled, AdminError> {
        let since = self.since.map(|since| since.resolve_in(control.now(), &self.zone.0));
        let query = control.whole_span(since);
        let found = control.reconcile(query).await?;
        Ok(Reconciled {
            since: Moment(query.since),
            rows: found.rows,
            scopes: found.scopes,
            agrees: found.drifts.is_empty(),
            drift_nanodollars: found.drift().0,
            drifts: found.drifts.iter().map(DriftView::of).collect(),
            more_drifts: found.more_drifts,
        })
    }
}

impl DriftView {
    fn of(drift: &Drift) -> Self {
        Self { scope: drift_named(drift), rows: FiguresView::of(&drift.rows), kept: FiguresView::of(&drift.kept) }
    }
}

impl FiguresView {
    fn of(figures: &Figures) -> Self {
        Self {
            attempts: figures.attempts,
            cost_nanodollars: figures.cost.0,
            cost_usd: usd(figures.cost),
            unpriced: figures.unpriced,
            input_tokens: figures.input_tokens,
            output_tokens: figures.output_tokens,
        }
    }
}
