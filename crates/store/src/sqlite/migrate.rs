//! The schema's history. A migration that was released is never edited: its text is locked by a hash in the database.

use std::fmt::Write;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use keyward_domain::port::StoreError;
use keyward_domain::time::Timestamp;
use rusqlite::{Connection, TransactionBehavior, params};

use super::error::failed;

/// One step of the schema.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Its place, from 1, without gaps.
    pub number: u32,
    /// What it brings, for people.
    pub name: &'static str,
    /// Its text, exactly as it was released.
    pub sql: &'static str,
}

/// Every step there ever was, in order. New ones go to the end.
pub const MIGRATIONS: &[Migration] = &[
    Migration { number: 1, name: "configuration", sql: include_str!("migrations/0001_configuration.sql") },
    Migration { number: 2, name: "ledger", sql: include_str!("migrations/0002_ledger.sql") },
    Migration { number: 3, name: "pools", sql: include_str!("migrations/0003_pools.sql") },
    Migration { number: 4, name: "money", sql: include_str!("migrations/0004_money.sql") },
    Migration { number: 5, name: "escrow", sql: include_str!("migrations/0005_escrow.sql") },
    Migration { number: 6, name: "named calls", sql: include_str!("migrations/0006_named_calls.sql") },
];

/// Marks the file as Keyward's ("KWRD"), so that no other program's database is taken for one.
const APPLICATION_ID: i32 = 0x4B57_5244;

impl Migration {
    /// SHA-256 of the text, in hexadecimal digits: what the database remembers of it.
    pub fn hash(&self) -> String {
        digest(&SHA256, self.sql.as_bytes()).as_ref().iter().fold(String::new(), |mut text, byte| {
            // Writing into a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

struct Applied {
    number: u32,
    name: String,
    hash: String,
}

/// Brings the database to the newest schema, or refuses without having changed anything.
pub(super) fn run(connection: &mut Connection, path: &Path, now: Timestamp) -> Result<(), StoreError> {
    claim(connection, path)?;
    let applied = applied(connection).map_err(failed)?;
    check_history(&applied, path)?;
    let Some(pending) = MIGRATIONS.get(applied.len()..).filter(|pending| !pending.is_empty()) else { return Ok(()) };
    let existing = !applied.is_empty();
    for migration in pending {
        let backup = if existing { Some(back_up(connection, path, migration, now)?) } else { None };
        apply(connection, migration, now).map_err(|error| gave_up(migration, backup.as_deref(), error))?;
    }
    Ok(())
}

/// Makes sure that the file is ours, or empty and from now on ours.
fn claim(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let id: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(failed)?;
    if id == APPLICATION_ID {
        return Ok(());
    }
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    if id != 0 || tables != 0 {
        return Err(StoreError::Failed(format!(
            "{} is a database of some other program: choose another home or move that file away",
            path.display()
        )));
    }
    // Both or neither: a mark without the table would be a database that cannot be opened again.
    let claim = format!(
        "BEGIN IMMEDIATE;
         PRAGMA application_id = {APPLICATION_ID};
         CREATE TABLE migration (
             number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL, applied_at_ms INTEGER NOT NULL
         ) STRICT;
         COMMIT"
    );
    connection.execute_batch(&claim).map_err(failed)
}

fn applied(connection: &Connection) -> rusqlite::Result<Vec<Applied>> {
    let mut statement = connection.prepare("SELECT number, name, sha256 FROM migration ORDER BY number")?;
    let rows =
        statement.query_map([], |row| Ok(Applied { number: row.get(0)?, name: row.get(1)?, hash: row.get(2)? }))?;
    rows.collect()
}

/// The database's history must be the beginning of ours, text by text.
fn check_history(applied: &[Applied], path: &Path) -> Result<(), StoreError> {
    for (index, past) in applied.iter().enumerate() {
        let Some(known) = MIGRATIONS.get(index) else {
            return Err(StoreError::Failed(format!(
                "{} was written by a newer Keyward (schema {} `{}`, this one knows {}): start that version, or restore a \
                 backup from before the upgrade",
                path.display(),
                past.number,
                past.name,
                MIGRATIONS.len()
            )));
        };
        if past.number != known.number || past.hash != known.hash() {
            return Err(StoreError::Failed(format!(
                "schema step {} (`{}`) in {} is not the one that this Keyward knows as step {} (`{}`): nothing was \
                 changed; use the build that made the database, or restore a backup",
                past.number,
                past.name,
                path.display(),
                known.number,
                known.name
            )));
        }
    }
    Ok(())
}

/// A copy of the whole database as it is before the step.
fn back_up(connection: &Connection, path: &Path, next: &Migration, now: Timestamp) -> Result<PathBuf, StoreError> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let backup = path.with_file_name(format!("{name}.before-{:04}-{}", next.number, now.unix_seconds()));
    let unusable = |error: &dyn std::fmt::Display| {
        StoreError::Failed(format!(
            "the backup {} that comes before schema step {} could not be written, so nothing was changed: {error}",
            backup.display(),
            next.number
        ))
    };
    // Made empty first, because what SQLite makes by itself could be read by others.
    let made = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&backup);
    let file = made.map_err(|error| unusable(&error))?;
    let target = backup.to_string_lossy().into_owned();
    connection.execute("VACUUM INTO ?1", params![target]).map_err(|error| unusable(&error))?;
    file.sync_all().map_err(|error| unusable(&error))?;
    Ok(backup)
}

fn apply(connection: &mut Connection, migration: &Migration, now: Timestamp) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(migration.sql)?;
    transaction.execute(
        "INSERT INTO migration (number, name, sha256, applied_at_ms) VALUES (?1, ?2, ?3, ?4)",
        params![migration.number, migration.name, migration.hash(), now.unix_millis()],
    )?;
    transaction.commit()
}

fn gave_up(migration: &Migration, backup: Option<&Path>, error: rusqlite::Error) -> StoreError {
    let reason = failed(error);
    let kept = backup.map(|path| format!("; a copy from before is in {}", path.display())).unwrap_or_default();
    StoreError::Failed(format!(
        "schema step {} (`{}`) failed and was taken back, the database is as it was{kept}: {reason}",
        migration.number, migration.name
    ))
}
