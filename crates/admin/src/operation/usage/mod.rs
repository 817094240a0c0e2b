//! Usage: tokens and cost, summed over the ledger by any dimension.

mod show;
mod text;
mod view;

pub use show::ShowUsage;
pub use view::{UsageLine, UsageReport};
