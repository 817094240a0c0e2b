//! The `keyward` program: configuration, the command line, and the wiring of all rooms.

#![expect(unreachable_pub, reason = "in a program nothing is reachable; `pub` says what a room shows to the others")]

mod cli;
mod config;
mod home;
mod process;
mod system;
mod telemetry;
mod wire;

use std::process::ExitCode;

fn main() -> ExitCode {
    process::prepare();
    // Arguments that are not UTF-8 can be no command of ours; their odd characters are replaced and then refused.
    let arguments: Vec<String> = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    cli::run(&arguments, config::Environment::read())
}
