//! `keyward openapi`.

use crate::cli::session::Session;

/// Nothing to choose.
#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(_: &Args, session: &Session) {
    session.output.line(keyward_admin::rest::openapi().trim_end());
}
