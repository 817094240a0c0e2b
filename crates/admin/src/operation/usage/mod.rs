//! Usage: tokens and cost, summed over the ledger by any dimension; its rows, and its prices applied again.

mod columns;
mod export;
mod reconcile;
mod reprice;
mod show;
mod text;
mod view;

pub use export::{Export, ExportUsage};
pub use reconcile::{DriftView, FiguresView, ReconcileUsage, Reconciled};
pub use reprice::{RepriceUsage, Repriced, RepricedModel};
pub use show::ShowUsage;
pub use view::{UsageLine, UsageReport};
