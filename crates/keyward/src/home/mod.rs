//! The home directory: where an installation lives. Private to its owner, used by one server at a time.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::config::Environment;

/// Only the owner may look in.
const PRIVATE_DIR: u32 = 0o700;
/// Only the owner may read and write.
const PRIVATE_FILE: u32 = 0o600;

/// The directory of an installation. It need not exist yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home(PathBuf);

impl Home {
    /// `--home`, else `$KEYWARD_HOME`, else `$XDG_DATA_HOME/keyward`, else `~/.local/share/keyward`.
    pub fn locate(given: Option<&Path>, environment: &Environment) -> anyhow::Result<Self> {
        let data_home = || Some(environment.path("XDG_DATA_HOME").filter(|path| path.is_absolute())?.join("keyward"));
        let default = || Some(environment.path("HOME")?.join(".local/share/keyward"));
        let path =
            given.map(Path::to_owned).or_else(|| environment.path("KEYWARD_HOME")).or_else(data_home).or_else(default);
        let path = path.context("no home directory is known: give one with --home or KEYWARD_HOME")?;
        // Absolute, so that messages and the server's own working directory cannot disagree.
        Ok(Self(std::path::absolute(&path).with_context(|| format!("{} is no usable path", path.display()))?))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A path inside, unless it is absolute by itself.
    pub fn join(&self, path: impl AsRef<Path>) -> PathBuf {
        self.0.join(path)
    }

    /// The socket of the control plane, for commands on this machine.
    pub fn socket(&self) -> PathBuf {
        self.join("admin.sock")
    }

    /// The admin token that `init` wrote.
    pub fn admin_token(&self) -> PathBuf {
        self.join("admin.token")
    }

    /// The folder of the ledger's journals.
    pub fn journals(&self) -> PathBuf {
        self.join("journal")
    }

    /// The folder of catalog overlays.
    pub fn catalog(&self) -> PathBuf {
        self.join("catalog.d")
    }

    /// Makes it, private to its owner.
    pub fn create(&self) -> anyhow::Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(PRIVATE_DIR);
        builder.create(&self.0).with_context(|| format!("cannot make the home {}", self.0.display()))?;
        self.check()
    }

    /// Refuses a home that others own or can look into.
    pub fn check(&self) -> anyhow::Result<()> {
        let shown = self.0.display();
        let metadata = fs::metadata(&self.0).with_context(|| format!("the home {shown} cannot be used"))?;
        if !metadata.is_dir() {
            bail!("the home {shown} is not a directory: name another one with --home");
        }
        let user = rustix::process::geteuid().as_raw();
        if metadata.uid() != user {
            bail!(
                "the home {shown} belongs to user {}, but this is user {user}: run as its owner, or change the owner",
                metadata.uid()
            );
        }
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            bail!("others can look into the home {shown} (mode {mode:o}): run `chmod 700 {shown}`");
        }
        Ok(())
    }
}

/// Writes a file that only the owner may read; refuses to replace one.
pub fn write_private(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(PRIVATE_FILE);
    let mut file = options.open(path).with_context(|| format!("cannot make {}", path.display()))?;
    file.write_all(content).and_then(|()| file.sync_all()).with_context(|| format!("cannot write {}", path.display()))
}
