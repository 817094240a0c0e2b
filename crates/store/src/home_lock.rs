//! One writer per home. The lock is the kernel's (`flock`), so it ends with the process however that dies; the file
//! that it hangs on stays and names the last holder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

/// The file in the home that the lock hangs on.
pub(crate) const STORE_LOCK: &str = "keyward.lock";
/// How often a held lock is tried, and how long each wait is: commands that follow one another, and the instant that
/// [`is_locked_by_other`] needs, must not make anybody fail.
const TRIES: u32 = 5;
const BETWEEN_TRIES: Duration = Duration::from_millis(20);
/// A process id has at most this many characters.
const MAX_PID_TEXT: u64 = 20;

/// A held lock; ends when dropped.
#[derive(Debug)]
pub(crate) struct HomeLock {
    _file: File,
}

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// Somebody else has it.
    #[error(
        "Keyward is already running in {0}{1}: stop that process first, or let it do the work through its admin API"
    )]
    Held(String, String),
    /// The lock file could not be used.
    #[error("the lock file {0} could not be used: {1}")]
    Failed(String, io::Error),
}

impl HomeLock {
    /// Takes the lock `name` in `folder`.
    pub(crate) fn take(folder: &Path, name: &str) -> Result<Self, LockError> {
        let path = folder.join(name);
        let failed = |error| LockError::Failed(path.display().to_string(), error);
        let mut file = open(&path).map_err(failed)?;
        for _ in 0..TRIES {
            match file.try_lock() {
                Ok(()) => {
                    sign(&mut file).map_err(failed)?;
                    return Ok(Self { _file: file });
                }
                Err(TryLockError::WouldBlock) => std::thread::park_timeout(BETWEEN_TRIES),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
        Err(LockError::Held(folder.display().to_string(), holder(&mut file)))
    }
}

/// Whether some other holder, usually a running server, has the store of this home open. A home without a store is
/// free.
///
/// # Errors
/// The lock file exists but cannot be read.
pub fn is_locked_by_other(home: &Path) -> io::Result<bool> {
    let file = match File::open(home.join(STORE_LOCK)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Writes who holds it, for the message that the next one gets.
fn sign(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(std::process::id().to_string().as_bytes())
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.take(MAX_PID_TEXT).read_to_string(&mut text));
    match (read, text.trim().parse::<u32>()) {
        (Ok(_), Ok(pid)) => format!(" (process {pid})"),
        _ => String::new(),
    }
}
