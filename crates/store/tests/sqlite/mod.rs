//! What only the SQLite store promises: its file, its lock, its schema's history.

mod drift;
mod pools;
mod upgrade;

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use keyward_domain::port::{Change, Store, StoreError};
use keyward_store::is_locked_by_other;
use keyward_store::sqlite::{MIGRATIONS, Migration, SqliteStore};
use rusqlite::Connection;

use crate::support::record::{audit, credential, provider};
use crate::support::row::entry;
use crate::support::{Home, ManualClock};

fn open(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(path, ManualClock::new().as_ref())
}

fn refusal(path: &Path) -> String {
    open(path).unwrap_err().to_string()
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn folder_and_files_are_for_their_owner_alone() {
    let home = Home::new();
    let folder = home.path().join("deep").join("er");
    let path = folder.join("keyward.db");
    let store = open(&path).unwrap();
    store.append(&[entry(1)], &[]).unwrap();
    assert_eq!(mode(&folder), 0o700);
    for name in ["keyward.db", "keyward.db-wal", "keyward.db-shm", "keyward.lock"] {
        assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
    }
}

#[test]
fn what_others_may_read_is_refused_with_the_remedy() {
    let home = Home::new();
    drop(open(&home.database()).unwrap());
    set_permissions(home.path(), Permissions::from_mode(0o750)).unwrap();
    let message = refusal(&home.database());
    assert!(message.contains(&format!("run `chmod 700 {}`", home.path().display())), "{message}");
    set_permissions(home.path(), Permissions::from_mode(0o700)).unwrap();
    set_permissions(home.database(), Permissions::from_mode(0o644)).unwrap();
    let message = refusal(&home.database());
    assert!(message.contains(&format!("run `chmod 600 {}`", home.database().display())), "{message}");
    set_permissions(home.database(), Permissions::from_mode(0o600)).unwrap();
    open(&home.database()).unwrap();
}

#[test]
fn a_second_opener_is_refused_until_the_first_is_gone() {
    let home = Home::new();
    assert!(!is_locked_by_other(&home.path()).unwrap(), "an empty home");
    let first = open(&home.database()).unwrap();
    assert!(is_locked_by_other(&home.path()).unwrap());
    let message = refusal(&home.database());
    assert!(message.contains("already running"), "{message}");
    assert!(message.contains(&format!("(process {})", std::process::id())), "{message}");
    // Whoever waits for his turn tells this from a failure.
    let refused = open(&home.database()).err();
    assert!(matches!(refused, Some(StoreError::Held(_))), "{refused:?}");
    drop(first);
    assert!(!is_locked_by_other(&home.path()).unwrap());
    open(&home.database()).unwrap();
}

#[test]
fn what_was_committed_is_there_after_reopening() {
    let home = Home::new();
    let store = open(&home.database()).unwrap();
    store.commit(&[Change::PutProvider(provider(1, "openai"))], &audit(1)).unwrap();
    store.append(&[entry(1)], &[]).unwrap();
    drop(store);
    let store = open(&home.database()).unwrap();
    assert_eq!(store.load().unwrap().providers, [provider(1, "openai")]);
    assert_eq!(store.ledger_totals().unwrap().entries, 1);
    // Names that were interned by the process before are found again.
    store.append(&[entry(2)], &[]).unwrap();
    let names: i64 = Connection::open(home.database())
        .unwrap()
        .query_row("SELECT count(*), count(DISTINCT text) FROM name", [], |row| {
            assert_eq!(row.get::<_, i64>(0)?, row.get::<_, i64>(1)?);
            row.get(0)
        })
        .unwrap();
    assert!(names > 0);
}

#[test]
fn the_file_is_set_up_as_the_security_page_says() {
    let home = Home::new();
    let _store = open(&home.database()).unwrap();
    assert!(rusqlite::version_number() >= keyward_store::sqlite::SQLITE_FLOOR);
    let other = Connection::open(home.database()).unwrap();
    let journal: String = other.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(journal, "wal");
    let sound: String = other.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
}

#[test]
fn a_database_of_another_program_is_left_alone() {
    let home = Home::new();
    Connection::open(home.database()).unwrap().execute_batch("CREATE TABLE recipes (name TEXT)").unwrap();
    set_permissions(home.database(), Permissions::from_mode(0o600)).unwrap();
    let message = refusal(&home.database());
    assert!(message.contains("some other program"), "{message}");
    let tables: i64 = Connection::open(home.database())
        .unwrap()
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .unwrap();
    assert_eq!(tables, 1);

    std::fs::write(home.database(), vec![b'x'; 8192]).unwrap();
    let message = refusal(&home.database());
    assert!(message.contains("damaged"), "{message}");
}

/// A database as the version with only the first schema step left it.
fn database_of_the_first_step(home: &Home) {
    let old = database_of(home, &MIGRATIONS[..1]);
    old.execute("INSERT INTO vault VALUES ('keyslot', '1', x'0102')", []).unwrap();
}

/// An empty database as the version with these schema steps left it.
fn database_of(home: &Home, steps: &[Migration]) -> Connection {
    drop(open(&home.database()).unwrap());
    let fresh = Connection::open(home.database()).unwrap();
    let id: i32 = fresh.query_row("PRAGMA application_id", [], |row| row.get(0)).unwrap();
    let table: String =
        fresh.query_row("SELECT sql FROM sqlite_schema WHERE name = 'migration'", [], |row| row.get(0)).unwrap();
    drop(fresh);
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(home.path().join(format!("keyward.db{suffix}")));
    }
    let old = Connection::open(home.database()).unwrap();
    set_permissions(home.database(), Permissions::from_mode(0o600)).unwrap();
    old.pragma_update(None, "application_id", id).unwrap();
    old.execute_batch(&table).unwrap();
    for step in steps {
        old.execute_batch(step.sql).unwrap();
        let applied = (step.number, step.name, step.hash());
        old.execute("INSERT INTO migration VALUES (?1, ?2, ?3, 0)", applied).unwrap();
    }
    old
}

/// The copies from before each step, the first in front.
fn backups(home: &Home) -> Vec<std::path::PathBuf> {
    let files = std::fs::read_dir(home.path()).unwrap().map(|file| file.unwrap().path());
    let mut backups: Vec<_> = files.filter(|path| path.to_string_lossy().contains(".before-")).collect();
    backups.sort();
    backups
}

#[test]
fn an_upgrade_keeps_a_copy_of_what_was_there() {
    let home = Home::new();
    database_of_the_first_step(&home);
    let store = open(&home.database()).unwrap();
    assert_eq!(store.load().unwrap().vault.len(), 1);
    store.append(&[entry(1)], &[]).unwrap();
    let backups = backups(&home);
    assert_eq!(backups.len(), MIGRATIONS.len() - 1);
    assert_eq!(mode(&backups[0]), 0o600);
    let copy = Connection::open(&backups[0]).unwrap();
    let kept: i64 = copy.query_row("SELECT count(*) FROM vault", [], |row| row.get(0)).unwrap();
    let steps: i64 = copy.query_row("SELECT count(*) FROM migration", [], |row| row.get(0)).unwrap();
    assert_eq!((kept, steps), (1, 1));
}

#[test]
fn a_new_database_needs_no_backup() {
    let home = Home::new();
    drop(open(&home.database()).unwrap());
    drop(open(&home.database()).unwrap());
    assert!(backups(&home).is_empty());
}

#[test]
fn a_failed_upgrade_leaves_the_database_as_it_was() {
    let home = Home::new();
    database_of_the_first_step(&home);
    // In the way of the second step, behind some of its tables.
    let old = Connection::open(home.database()).unwrap();
    old.execute_batch("CREATE TABLE rollup (x INTEGER)").unwrap();
    drop(old);
    let message = refusal(&home.database());
    assert!(message.contains("is as it was") && message.contains(".before-0002-"), "{message}");
    let after = Connection::open(home.database()).unwrap();
    let entry_tables: i64 =
        after.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'entry'", [], |row| row.get(0)).unwrap();
    let steps: i64 = after.query_row("SELECT count(*) FROM migration", [], |row| row.get(0)).unwrap();
    assert_eq!((entry_tables, steps), (0, 1));
    after.execute_batch("DROP TABLE rollup").unwrap();
    drop(after);
    open(&home.database()).unwrap();
}

#[test]
fn a_changed_step_of_the_schema_is_refused() {
    let home = Home::new();
    drop(open(&home.database()).unwrap());
    let tampered = Connection::open(home.database()).unwrap();
    tampered
        .execute("UPDATE migration SET sha256 = replace(sha256, substr(sha256, 1, 1), 'x') WHERE number = 1", [])
        .unwrap();
    drop(tampered);
    let message = refusal(&home.database());
    assert!(
        message.contains("schema step 1 (`configuration`)") && message.contains("nothing was changed"),
        "{message}"
    );
}

#[test]
fn a_newer_schema_is_refused() {
    let home = Home::new();
    drop(open(&home.database()).unwrap());
    let newer = Connection::open(home.database()).unwrap();
    newer.execute("INSERT INTO migration VALUES (999, 'time travel', 'abc', 0)", []).unwrap();
    drop(newer);
    let message = refusal(&home.database());
    assert!(message.contains("newer Keyward") && message.contains("time travel"), "{message}");
    assert!(backups(&home).is_empty());
}

#[test]
fn released_schema_steps_are_not_edited() {
    let locked = [
        (1, "configuration", "d781c137fcd57c78adfba811d15ee8b6ed628331f25546b75d20f4078781cdd8"),
        (2, "ledger", "dfeb6be12fedfa9a76d5b1b009acf1ed08e2c61f61a67363052a2f6e2253dd48"),
        (3, "pools", "78f190c68b97e94eb173cf50a84d32162ab3f7773574c3596ef319377f481efc"),
        (4, "money", "cb9bf7d46582cc9ed44e121bece870457ceaabeaecd6c31a87dfa17217051c09"),
        (5, "escrow", "fcedbb7771263e1a3103f4ae39f39afd3daa91aa9e406b2d5d7965333796d28e"),
        (6, "named calls", "6f45ded72844f5cdead1d229afd49e6a72ebd4ad613cbdb9b9950dc23698239e"),
    ];
    let known: Vec<_> = MIGRATIONS.iter().map(|step| (step.number, step.name, step.hash())).collect();
    assert_eq!(known, locked.map(|(number, name, hash)| (number, name, hash.to_owned())));
}

#[test]
fn a_damaged_record_is_named() {
    let home = Home::new();
    let store = open(&home.database()).unwrap();
    store.commit(&[Change::PutProvider(provider(1, "openai"))], &audit(1)).unwrap();
    drop(store);
    Connection::open(home.database()).unwrap().execute("UPDATE provider SET body = '{'", []).unwrap();
    let refused = open(&home.database()).unwrap().load().unwrap_err();
    assert!(matches!(&refused, StoreError::Damaged(text) if text.contains("prv_")), "{refused}");
}

#[test]
fn s01_a_removed_sealed_secret_is_gone_from_the_files() {
    let home = Home::new();
    let store = open(&home.database()).unwrap();
    let mut key = credential(2, 1, "primary");
    key.envelope = (0..64).map(|n: u8| n.wrapping_mul(37) ^ 0x5A).collect();
    let hex = key.envelope.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let id = key.id;
    store.commit(&[Change::PutProvider(provider(1, "openai")), Change::PutCredential(key)], &audit(1)).unwrap();
    let holds = |home: &Home| {
        let files = std::fs::read_dir(home.path()).unwrap().map(|file| file.unwrap().path());
        files.filter(|path| path.is_file()).any(|path| {
            let bytes = std::fs::read(path).unwrap();
            bytes.windows(hex.len()).any(|window| window == hex.as_bytes())
        })
    };
    assert!(holds(&home), "the test looks for what is never there");
    store.commit(&[Change::RemoveCredential(id)], &audit(2)).unwrap();
    // Closing brings the write-ahead log into the database and removes it.
    drop(store);
    assert!(!holds(&home));
}
