//! `keyward strategy`: how keys are chosen.

mod test;

use super::failure::Failure;
use super::session::Session;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Simulate a strategy on the keys as they are now, beside the one in use. Nothing is sent.
    Test(test::Args),
}

pub fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::Test(args) => test::run(&args, session),
    }
}
