use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use keyward_domain::secret::Secret;

use crate::error::SourceError;
use crate::shape::{MAX_SECRET_BYTES, check_shape, without_final_newline};

/// Secret stores that have a place in the config's grammar, and their other spelling as a URL. Asking them comes later.
const STORES: [(&str, &str); 4] = [("vault", "vault"), ("aws-sm", "aws-sm"), ("azure-kv", "azkv"), ("gcp-sm", "gsm")];

/// Where a secret lies, as the config writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// `${env:NAME}`.
    Environment(String),
    /// `${file:PATH}`, absolute.
    File(PathBuf),
}

impl Reference {
    /// Fetches the secret. Blocks for as long as the file system does.
    ///
    /// One closing line break is taken away; after that it has to be a key: see [`check_shape`].
    pub fn fetch(&self, environment: &BTreeMap<String, String>) -> Result<Secret, SourceError> {
        let secret = match self {
            Self::Environment(name) => from_environment(name, environment)?,
            Self::File(path) => from_file(path)?,
        };
        check_shape(&secret).map_err(|reason| SourceError::Shape { origin: self.to_string(), reason })?;
        Ok(secret)
    }
}

impl FromStr for Reference {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        let inner = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        let reference = inner.unwrap_or(text);
        if let Some((store, _)) = STORES.iter().find(|(short, url)| names_store(reference, short, url)) {
            return Err(SourceError::Unsupported(store));
        }
        let (kind, rest) = inner.and_then(|inner| inner.split_once(':')).ok_or(SourceError::NotAReference)?;
        match kind {
            "env" if is_variable_name(rest) => Ok(Self::Environment(rest.to_owned())),
            "env" => Err(SourceError::BadName),
            "file" if Path::new(rest).is_absolute() => Ok(Self::File(rest.into())),
            "file" => Err(SourceError::RelativePath),
            _ => Err(SourceError::NotAReference),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "${{env:{name}}}"),
            Self::File(path) => write!(f, "${{file:{}}}", path.display()),
        }
    }
}

fn from_environment(name: &str, environment: &BTreeMap<String, String>) -> Result<Secret, SourceError> {
    let value = environment.get(name).map(|value| without_final_newline(value.as_bytes()));
    value
        .filter(|value| !value.is_empty())
        .map(|value| Secret::new(value.to_vec()))
        .ok_or_else(|| SourceError::NotSet(name.to_owned()))
}

fn from_file(path: &Path) -> Result<Secret, SourceError> {
    let refuse = |reason: String| SourceError::File { path: path.to_owned(), reason };
    let unread = |error: std::io::Error| refuse(format!("it could not be read: {error}"));
    // Secrets that an orchestrator mounts are symbolic links, so links are followed. Asked before opening: opening a
    // named pipe would wait for a writer.
    if !fs::metadata(path).map_err(unread)?.is_file() {
        return Err(refuse("it is not a regular file".to_owned()));
    }
    let limit = MAX_SECRET_BYTES + 3;
    let mut bytes = Vec::with_capacity(limit);
    let read = File::open(path).and_then(|file| file.take(limit as u64).read_to_end(&mut bytes));
    // Taken over before the outcome is looked at, so that it is wiped in any case.
    let whole = Secret::new(bytes);
    read.map_err(unread)?;
    Ok(Secret::new(without_final_newline(whole.expose()).to_vec()))
}

fn names_store(reference: &str, short: &str, url: &str) -> bool {
    let follows = |name: &str, mark: &str| reference.strip_prefix(name).is_some_and(|rest| rest.starts_with(mark));
    follows(short, ":") || follows(url, "://")
}

fn is_variable_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
