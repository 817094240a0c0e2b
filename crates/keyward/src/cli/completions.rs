//! `keyward completions`.

use super::session::Session;

/// Which shell.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell to complete for.
    shell: clap_complete::Shell,
}

pub fn run(args: &Args, grammar: &mut clap::Command, session: &Session) {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, grammar, "keyward", &mut script);
    session.output.line(String::from_utf8_lossy(&script).trim_end());
}
