//! Secrets do not belong into arguments: every process on the machine can read them, and shells write them down. An
//! argument that looks like one is refused before anything else looks at it, and never repeated.

use keyward_admin::field::looks_secret;

use super::failure::Failure;

/// Shorter arguments are names.
const SHORTEST_SECRET: usize = 20;

/// How secrets get in instead.
pub const INSTEAD: &str = "pipe it in, give a file that holds it, or type it at the prompt";

/// Refuses arguments that look like secrets. `arguments` begins with the program's own name.
pub fn refuse_secrets(arguments: &[String]) -> Result<(), Failure> {
    for (position, argument) in arguments.iter().enumerate().skip(1) {
        let value = argument.split_once('=').map_or(argument.as_str(), |(_, value)| value);
        if is_secret(value) {
            return Err(Failure::usage(format!(
                "argument {position} looks like a secret. Everybody on this machine can read arguments, so they are not \
                 accepted: {INSTEAD}. This one may be in your shell's history now"
            )));
        }
    }
    Ok(())
}

/// Paths and host names may hold long runs of letters and digits; secrets hold neither slashes nor dots, save for
/// signed tokens, which begin in their own way.
fn is_secret(text: &str) -> bool {
    let plain = !text.contains(['/', '.', ':']) || text.starts_with("eyJ");
    text.len() >= SHORTEST_SECRET && plain && looks_secret(text)
}
