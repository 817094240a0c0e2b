use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use keyward_domain::port::Entropy;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::error::VaultError;
use crate::key::{KEY_LEN, Key};

/// What others may not have: any permission of group and world, and execution by anybody.
const FORBIDDEN_MODE: u32 = 0o177;
const FILE_TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;

/// Writes 32 random bytes to a new file that only its owner can read (0600), and waits until it is on the disk.
///
/// Never overwrites: a lost key file is a lost vault.
pub fn create_key_file(path: &Path, entropy: &dyn Entropy) -> Result<(), VaultError> {
    let key = Key::mint(entropy)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR).map_err(|errno| match errno {
        Errno::EXIST => refuse(path, "it already exists; a key file is never overwritten"),
        errno => refuse(path, format!("it could not be created: {errno}")),
    })?;
    let mut file = File::from(file);
    file.write_all(key.bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| File::open(parent(path))?.sync_all())
        .map_err(|error| refuse(path, format!("it could not be written: {error}")))
}

/// Reads a key file, after checking that nobody else can have read or replaced it.
///
/// All checks are made on the opened file, so there is no moment between check and use.
pub(crate) fn read_key_file(path: &Path) -> Result<Key, VaultError> {
    // NONBLOCK: opening a named pipe must not wait for a writer. It means nothing for regular files.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| match errno {
        Errno::NOENT => refuse(path, "there is no such file"),
        Errno::LOOP | Errno::MLINK => refuse(path, "it is a symbolic link; name the file itself"),
        errno => refuse(path, format!("it could not be opened: {errno}")),
    })?;
    let mut file = File::from(file);
    check(path, &file)?;
    Key::filled_by(|bytes| file.read_exact(bytes))
        .map_err(|error| refuse(path, format!("it could not be read: {error}")))
}

fn check(path: &Path, file: &File) -> Result<(), VaultError> {
    let facts = file.metadata().map_err(|error| refuse(path, format!("it could not be examined: {error}")))?;
    if facts.mode() & FILE_TYPE != REGULAR {
        return Err(refuse(path, "it is not a regular file"));
    }
    let (owner, we) = (facts.uid(), geteuid().as_raw());
    if owner != we {
        return Err(refuse(path, format!("it is owned by user {owner}, not by this user ({we}): chown it")));
    }
    let mode = facts.mode() & 0o777;
    if mode & FORBIDDEN_MODE != 0 {
        return Err(refuse(path, format!("others could use it (mode {mode:04o}): run `chmod 600` on it")));
    }
    if facts.size() != KEY_LEN as u64 {
        return Err(refuse(path, format!("it holds {} bytes and must hold exactly {KEY_LEN}", facts.size())));
    }
    Ok(())
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn refuse(path: &Path, reason: impl Into<String>) -> VaultError {
    VaultError::KeyFile { path: path.to_owned(), reason: reason.into() }
}
