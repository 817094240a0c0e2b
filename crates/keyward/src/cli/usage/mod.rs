//! `keyward usage`: tokens and money.

mod export;
mod reconcile;
mod reprice;
mod show;

use super::failure::Failure;
use super::session::Session;

pub use reconcile::summary;

/// What to do; without a verb, sums are shown.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
#[group(skip)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    show: show::Args,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Write the ledger's rows as CSV or JSON lines.
    Export(export::Args),
    /// Compare the sums of budgets and reports with the ledger's rows.
    Reconcile(reconcile::Args),
    /// Apply the prices of today to what was used, and write the differences as corrections.
    Reprice(reprice::Args),
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    match &args.verb {
        None => show::run(&args.show, session),
        Some(Verb::Export(args)) => export::run(args, session),
        Some(Verb::Reconcile(args)) => reconcile::run(args, session),
        Some(Verb::Reprice(args)) => reprice::run(args, session),
    }
}
