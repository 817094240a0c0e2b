//! Opening the file: who may read it, who has it open, and how its connections behave.

use std::fs::{DirBuilder, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use keyward_domain::port::StoreError;
use rusqlite::{Connection, OpenFlags};

use super::SQLITE_FLOOR;
use super::error::failed;
use crate::home_lock::{HomeLock, LockError, STORE_LOCK};

/// How long a statement waits for a lock that somebody else (a backup, a shell) holds on the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Page caches, in KiB. Appends touch the same few pages over and over; reads come one at a time.
const WRITER_CACHE_KIB: i64 = 1024;
const READER_CACHE_KIB: i64 = 512;
/// A write-ahead log that grew beyond this many bytes is cut back after its checkpoint.
const WAL_LIMIT_BYTES: i64 = 16 * 1024 * 1024;
/// Prepared statements that a connection keeps.
const STATEMENTS: usize = 48;
/// Permission bits of everybody but the owner.
const OTHERS: u32 = 0o077;

/// Refuses a SQLite older than [`SQLITE_FLOOR`].
pub(super) fn check_version(version: i32) -> Result<(), StoreError> {
    if version >= SQLITE_FLOOR {
        return Ok(());
    }
    let dotted = |v: i32| format!("{}.{}.{}", v / 1_000_000, v / 1000 % 1000, v % 1000);
    Err(StoreError::Failed(format!(
        "this build contains SQLite {}, and versions before {} can damage the database: build with a newer one",
        dotted(version),
        dotted(SQLITE_FLOOR)
    )))
}

/// Makes sure that folder and file exist for their owner alone, and takes the home's lock.
pub(super) fn prepare_home(path: &Path) -> Result<HomeLock, StoreError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| unusable("make the folder", folder, &error))?;
    let about_folder = folder.metadata().map_err(|error| unusable("look at the folder", folder, &error))?;
    refuse_open_to_others(folder, &about_folder, "700")?;
    let lock = HomeLock::take(folder, STORE_LOCK).map_err(|error| match error {
        LockError::Held(..) => StoreError::Held(error.to_string()),
        LockError::Failed(..) => StoreError::Failed(error.to_string()),
    })?;
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    let about_file = file.and_then(|file| file.metadata()).map_err(|error| unusable("open the file", path, &error))?;
    refuse_open_to_others(path, &about_file, "600")?;
    Ok(lock)
}

/// The connection that writes.
pub(super) fn writer(path: &Path) -> Result<Connection, StoreError> {
    let connection = connect(path, WRITER_CACHE_KIB).map_err(failed)?;
    set_up_writer(&connection).map_err(failed)?;
    Ok(connection)
}

/// The connection that reads, and cannot write.
pub(super) fn reader(path: &Path) -> Result<Connection, StoreError> {
    let connection = connect(path, READER_CACHE_KIB).map_err(failed)?;
    connection.pragma_update(None, "query_only", true).map_err(failed)?;
    Ok(connection)
}

fn connect(path: &Path, cache_kib: i64) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path.canonicalize().unwrap_or_else(|_| path.to_path_buf()), flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Nothing in a schema that somebody tampered with may run code, and no page is mapped: a mapped file that is cut
    // short by a full or failing disk kills the process.
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    Ok(connection)
}

fn set_up_writer(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What is removed is overwritten, so that no sealed secret outlives its removal in a free page.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "journal_size_limit", WAL_LIMIT_BYTES)
}

fn refuse_open_to_others(path: &Path, about: &Metadata, wanted: &str) -> Result<(), StoreError> {
    let mode = about.permissions().mode() & 0o7777;
    if mode & OTHERS == 0 {
        return Ok(());
    }
    Err(StoreError::Failed(format!(
        "{0} may be read by other users (mode {mode:o}), and it holds your keys: run `chmod {wanted} {0}`",
        path.display()
    )))
}

fn unusable(what: &str, path: &Path, error: &io::Error) -> StoreError {
    StoreError::Failed(format!("could not {what} {}: {error}", path.display()))
}
