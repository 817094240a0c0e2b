//! Everything in one SQLite file: configuration, vault records, audit log, ledger, what pools learned.
//!
//! One connection writes, one reads. Every commit waits for the disk (`synchronous=FULL`); the ledger comes in batches,
//! so that this costs little. The request path never comes here.

mod allowance;
mod append;
mod audit;
mod binding;
mod body;
mod configuration;
mod entries;
mod error;
mod escrow;
mod lease;
mod load;
mod migrate;
mod named_call;
mod names;
mod open;
mod reconcile;
mod requests;
mod rollup;
mod row;
mod spend;
mod standing;
mod tenancy;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use keyward_domain::audit::{AuditDraft, AuditEntry};
use keyward_domain::binding::Binding;
use keyward_domain::call_name::NamedCall;
use keyward_domain::ids::{InstallId, RequestId};
use keyward_domain::lease::Lease;
use keyward_domain::ledger::{
    Entry, EntryFilter, ReconcileQuery, Reconciliation, Refusal, RequestFilter, RequestRow, Spend, SpendQuery,
    UsageQuery, UsageRow,
};
use keyward_domain::port::{Change, Clock, LedgerTotals, Records, Store, StoreError, VaultRecord};
use keyward_domain::standing::{KeyEvent, KeyEventFilter, KeyStanding};
use keyward_domain::time::Timestamp;
use rusqlite::Connection;

use self::names::Names;
use crate::home_lock::HomeLock;
use crate::report;

pub use migrate::{MIGRATIONS, Migration};

/// The oldest SQLite that is safe here: older ones can damage a database in WAL mode when it is reset under load.
pub const SQLITE_FLOOR: i32 = 3_051_003;

/// The store of one node: a file, opened by one process at a time.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Mutex<Writer>,
    reader: Mutex<Connection>,
    path: PathBuf,
    _lock: HomeLock,
}

#[derive(Debug)]
struct Writer {
    connection: Connection,
    names: Names,
}

impl SqliteStore {
    /// Opens the database file, making it (0600) and its folder (0700) when they are not there, and brings it to the
    /// newest schema; a copy of a database that has one already is put beside it first.
    ///
    /// # Errors
    /// Another process has it open; the folder or the file can be read by others; the file is no database of Keyward's,
    /// or of a newer Keyward. Each message says what to do.
    pub fn open(path: &Path, clock: &dyn Clock) -> Result<Self, StoreError> {
        open::check_version(rusqlite::version_number())?;
        let lock = open::prepare_home(path)?;
        let mut connection = open::writer(path)?;
        migrate::run(&mut connection, path, clock.now())?;
        let reader = open::reader(path)?;
        let writer = Writer { connection, names: Names::default() };
        Ok(Self { writer: Mutex::new(writer), reader: Mutex::new(reader), path: path.to_owned(), _lock: lock })
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reader(&self) -> MutexGuard<'_, Connection> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for SqliteStore {
    fn load(&self) -> Result<Records, StoreError> {
        load::load(&mut self.reader())
    }

    fn commit(&self, changes: &[Change], audit: &AuditDraft) -> Result<u64, StoreError> {
        configuration::commit(&mut self.writer().connection, changes, audit)
    }

    fn found(&self, install: InstallId, vault: &[VaultRecord], audit: &AuditDraft) -> Result<(), StoreError> {
        configuration::found(&mut self.writer().connection, install, vault, audit)
    }

    fn append(&self, entries: &[Entry], refusals: &[Refusal]) -> Result<Vec<bool>, StoreError> {
        let writer = &mut *self.writer();
        let appended = append::append(&mut writer.connection, &mut writer.names, entries, refusals);
        if appended.is_err() {
            // Names of the transaction that was rolled back must not be remembered.
            writer.names.forget();
        }
        appended
    }

    fn correct(&self, corrections: &[Entry], audit: &AuditDraft) -> Result<(), StoreError> {
        let writer = &mut *self.writer();
        let corrected = append::correct(&mut writer.connection, &mut writer.names, corrections, audit);
        if corrected.is_err() {
            writer.names.forget();
        }
        corrected
    }

    fn spend(&self, query: &SpendQuery) -> Result<Vec<Spend>, StoreError> {
        spend::read(&self.reader(), query)
    }

    fn requests(&self, filter: &RequestFilter) -> Result<Vec<RequestRow>, StoreError> {
        requests::newest(&mut self.reader(), filter)
    }

    fn request(&self, id: RequestId) -> Result<Option<RequestRow>, StoreError> {
        requests::one(&mut self.reader(), id)
    }

    fn entries(&self, filter: &EntryFilter) -> Result<Vec<Entry>, StoreError> {
        entries::page(&mut self.reader(), filter)
    }

    fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageRow>, StoreError> {
        if report::needs_rows(query) {
            return report::of_rows(self, query);
        }
        rollup::usage(&mut self.reader(), query)
    }

    fn reconcile(&self, query: &ReconcileQuery) -> Result<Reconciliation, StoreError> {
        // A connection of its own: it may take a while, and others want to read.
        reconcile::run(&mut open::reader(&self.path)?, query)
    }

    fn audit(&self, before: Option<u64>, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        audit::newest(&self.reader(), before, limit)
    }

    fn ledger_totals(&self) -> Result<LedgerTotals, StoreError> {
        rollup::totals(&self.reader())
    }

    fn standings(&self) -> Result<Vec<KeyStanding>, StoreError> {
        standing::all(&self.reader())
    }

    fn put_standings(&self, events: &[KeyEvent]) -> Result<(), StoreError> {
        standing::put(&mut self.writer().connection, events)
    }

    fn key_events(&self, filter: &KeyEventFilter) -> Result<Vec<(u64, KeyEvent)>, StoreError> {
        standing::events(&self.reader(), filter)
    }

    fn forget_key_events(&self, before: Timestamp) -> Result<(), StoreError> {
        standing::forget(&mut self.writer().connection, before)
    }

    fn put_bindings(&self, bindings: &[Binding]) -> Result<(), StoreError> {
        binding::put(&mut self.writer().connection, bindings)
    }

    fn bindings(&self, limit: u32) -> Result<Vec<Binding>, StoreError> {
        binding::newest(&self.reader(), limit)
    }

    fn forget_bindings(&self, before: Timestamp) -> Result<(), StoreError> {
        binding::forget(&mut self.writer().connection, before)
    }

    fn put_lease(&self, lease: &Lease, audit: Option<&AuditDraft>) -> Result<(), StoreError> {
        lease::put(&mut self.writer().connection, lease, audit)
    }

    fn lease(&self, id: RequestId) -> Result<Option<Lease>, StoreError> {
        lease::one(&self.reader(), id)
    }

    fn open_leases(&self) -> Result<Vec<Lease>, StoreError> {
        lease::open(&self.reader())
    }

    fn forget_leases(&self, before: Timestamp) -> Result<(), StoreError> {
        lease::forget(&self.writer().connection, before)
    }

    fn named_calls(&self, since: Timestamp, limit: u32) -> Result<Vec<NamedCall>, StoreError> {
        named_call::newest(&self.reader(), since, limit)
    }

    fn forget_named_calls(&self, before: Timestamp) -> Result<(), StoreError> {
        named_call::forget(&mut self.writer().connection, before)
    }
}
