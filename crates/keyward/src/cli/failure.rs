//! How a command can end badly, and the exit code that scripts see.

use std::fmt;
use std::process::ExitCode;

/// The exit codes of the contract; 0 is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It was tried and failed.
    Failed = 1,
    /// The command, the config or an argument is wrong; nothing was tried.
    Usage = 2,
    /// It was done and found something: a bad key, a problem in the set-up.
    Found = 3,
    /// The server cannot be reached, or does not allow it.
    Unreachable = 4,
}

/// Why a command did not do what was asked, in a sentence that says what to do.
#[derive(Debug)]
pub struct Failure {
    /// What scripts see.
    pub exit: Exit,
    /// What people see; empty when the output has already said it.
    pub message: String,
}

impl Failure {
    /// Tried and failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, message: message.into() }
    }

    /// Wrong usage.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into() }
    }

    /// Done, and found something that the output has shown.
    pub const fn found() -> Self {
        Self { exit: Exit::Found, message: String::new() }
    }

    /// Not reachable or not allowed.
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self { exit: Exit::Unreachable, message: message.into() }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::failed(format!("{error:#}"))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Failed => Self::from(1),
            Exit::Usage => Self::from(2),
            Exit::Found => Self::from(3),
            Exit::Unreachable => Self::from(4),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
