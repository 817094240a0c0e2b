//! Where to open, and with what.

use std::path::{Path, PathBuf};

use keyward_domain::secret::Secret;
use zeroize::Zeroizing;

use super::Error;
use crate::config::{self, Config, Environment};
use crate::home::Home;

/// Where an installation lives, and what opens it.
///
/// ```
/// use keyward::Options;
///
/// let for_an_application = Options::from_env(); // $KEYWARD_HOME, else ~/.local/share/keyward
/// let for_a_test = Options::temporary(); // removed with the last handle
/// # drop((for_an_application, for_a_test));
/// ```
pub struct Options {
    place: Place,
    environment: Environment,
    passphrase: Option<Secret>,
}

enum Place {
    Home(PathBuf),
    Temporary,
}

/// What the options come to.
pub(super) struct Located {
    pub(super) home: Home,
    pub(super) config: Config,
    pub(super) environment: Environment,
    pub(super) passphrase: Option<Secret>,
    /// The folder that goes with the last handle.
    pub(super) folder: Option<tempfile::TempDir>,
}

/// A temporary home serves one program on one machine: one event loop is enough.
const TEMPORARY: &str = "workers: 1\n";

impl Options {
    /// The home that the environment names (`KEYWARD_HOME`, else `$XDG_DATA_HOME/keyward`, else
    /// `~/.local/share/keyward`), with every config field that a variable such as `KEYWARD_WORKERS` overrides, and the
    /// passphrase in `KEYWARD_VAULT_PASSPHRASE_FILE` if there is one.
    ///
    /// # Errors
    /// No home is known, or the passphrase's file cannot be read.
    pub fn from_env() -> Result<Self, Error> {
        let environment = Environment::read();
        let home = Home::locate(None, &environment).map_err(|error| Error::Setup(format!("{error:#}")))?;
        let passphrase = match environment.path("KEYWARD_VAULT_PASSPHRASE_FILE") {
            Some(file) => Some(read_passphrase(&file)?),
            None => None,
        };
        Ok(Self { place: Place::Home(home.path().to_owned()), environment, passphrase })
    }

    /// The home in this folder, which is made when it is not there. Its `keyward.yaml` counts if it has one; the
    /// environment is not looked at.
    pub fn in_home(path: impl Into<PathBuf>) -> Self {
        Self { place: Place::Home(path.into()), environment: Environment::default(), passphrase: None }
    }

    /// A home of its own in a temporary folder, removed when the last handle is closed or dropped. For tests and demos.
    pub fn temporary() -> Self {
        Self { place: Place::Temporary, environment: Environment::default(), passphrase: None }
    }

    /// The passphrase of a vault that wants one (`vault.root: passphrase` in the config).
    #[must_use]
    pub fn passphrase(mut self, passphrase: impl Into<Secret>) -> Self {
        self.passphrase = Some(passphrase.into());
        self
    }

    /// Blocks: reads the config, makes a temporary folder.
    pub(super) fn locate(self) -> Result<Located, Error> {
        let Self { place, environment, passphrase } = self;
        let setup = |error: anyhow::Error| Error::Setup(format!("{error:#}"));
        let (path, folder) = match place {
            Place::Home(path) => (path, None),
            Place::Temporary => {
                let folder = tempfile::Builder::new().prefix("keyward-").tempdir();
                let folder = folder.map_err(|error| Error::Setup(format!("no temporary folder: {error}")))?;
                (folder.path().join("home"), Some(folder))
            }
        };
        let home = Home::locate(Some(&path), &environment).map_err(setup)?;
        let config = if folder.is_some() {
            config::check(TEMPORARY, "temporary", &environment)
        } else {
            let named = environment.path("KEYWARD_CONFIG");
            let file = named.clone().unwrap_or_else(|| home.join(config::FILE_NAME));
            config::load(&file, named.is_some(), &environment)
        };
        let config = config.map_err(|error| Error::Setup(error.to_string()))?;
        Ok(Located { home, config, environment, passphrase, folder })
    }
}

/// Shows where, never with what.
impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.place {
            Place::Home(path) => write!(f, "Options({})", path.display()),
            Place::Temporary => f.write_str("Options(temporary)"),
        }
    }
}

fn read_passphrase(file: &Path) -> Result<Secret, Error> {
    let unread = |error| Error::Setup(format!("the passphrase file {} cannot be read: {error}", file.display()));
    let text = Zeroizing::new(std::fs::read_to_string(file).map_err(unread)?);
    Ok(Secret::from(text.trim_end_matches(['\n', '\r']).to_owned()))
}
