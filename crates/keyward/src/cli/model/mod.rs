//! `keyward model`: models, their prices, and aliases.

mod alias;
mod list;
mod price;

use super::failure::Failure;
use super::session::Session;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// List the models that can be called, with their prices.
    List(list::Args),
    /// Show, set or take away the price of a model.
    Price(price::Args),
    /// Aliases: names that clients send, standing for models that may change behind them.
    #[command(subcommand)]
    Alias(alias::Verb),
}

pub fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::List(args) => list::run(&args, session),
        Verb::Price(args) => price::run(&args, session),
        Verb::Alias(verb) => alias::run(verb, session),
    }
}
