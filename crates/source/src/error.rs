use std::path::PathBuf;

/// Why a secret could not be had. Says what to do, and never repeats any part of the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// A secret was written where a reference belongs, or something else that is none.
    #[error(
        "this is not a reference: write `${{env:NAME}}` or `${{file:/path}}`; a key itself does not belong in the config"
    )]
    NotAReference,
    /// A reference to a secret store that this version cannot ask.
    #[error("`{0}:` is not supported in this version: put the key in a file or the environment")]
    Unsupported(&'static str),
    /// The name of the variable cannot be one.
    #[error("`${{env:NAME}}` takes a variable's name of letters, digits and underscores")]
    BadName,
    /// A path that means something else depending on where the program is started.
    #[error("`${{file:PATH}}` takes an absolute path")]
    RelativePath,
    /// The variable is missing or empty.
    #[error("the environment variable `{0}` is not set, or is empty")]
    NotSet(String),
    /// The file cannot be used.
    #[error("the file {path} cannot be used: {reason}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// What was found cannot be a key.
    #[error("what {origin} holds cannot be a key: {reason}")]
    Shape {
        /// Which variable or file.
        origin: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}
