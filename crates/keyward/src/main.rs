//! The `keyward` program: the command line over the same engine that the library is.

#![expect(unreachable_pub, reason = "in a program nothing is reachable; `pub` says what a room shows to the others")]

mod cli;

use std::process::ExitCode;

// Under these names everything in `cli` finds the engine.
use keyward::{config, home, process, wire};

fn main() -> ExitCode {
    process::prepare();
    // Arguments that are not UTF-8 can be no command of ours; their odd characters are replaced and then refused.
    let arguments: Vec<String> = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    cli::run(&arguments, config::Environment::read())
}
