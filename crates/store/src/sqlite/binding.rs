//! Which account holds what.

use keyward_domain::binding::{Binding, BindingHash};
use keyward_domain::ids::CredentialId;
use keyward_domain::port::{MAX_BINDINGS, StoreError};
use keyward_domain::time::Timestamp;
use rusqlite::{Connection, Row, TransactionBehavior, params};

use super::error::failed;

const PUT: &str = "INSERT INTO binding (hash, credential, at_ms) VALUES (?1, ?2, ?3) ON CONFLICT (hash) DO UPDATE \
    SET credential = excluded.credential, at_ms = excluded.at_ms WHERE excluded.at_ms > binding.at_ms";

const MAKE_ROOM: &str = "DELETE FROM binding WHERE (at_ms, hash) <= \
    (SELECT at_ms, hash FROM binding ORDER BY at_ms DESC, hash DESC LIMIT 1 OFFSET ?1)";

/// Remembers a batch in one transaction.
pub(super) fn put(connection: &mut Connection, bindings: &[Binding]) -> Result<(), StoreError> {
    if bindings.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    put_each(&transaction, bindings).map_err(failed)?;
    transaction.commit().map_err(failed)
}

/// The newest, newest first.
pub(super) fn newest(connection: &Connection, limit: u32) -> Result<Vec<Binding>, StoreError> {
    let sql = "SELECT hash, credential, at_ms FROM binding ORDER BY at_ms DESC, hash DESC LIMIT ?1";
    let mut select = connection.prepare_cached(sql).map_err(failed)?;
    let rows = select.query_map(params![limit.min(MAX_BINDINGS)], read).map_err(failed)?;
    rows.collect::<rusqlite::Result<_>>().map_err(failed)
}

/// Forgets what was last seen before, and what is beyond the limit.
pub(super) fn forget(connection: &mut Connection, before: Timestamp) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let old = "DELETE FROM binding WHERE at_ms < ?1";
    transaction.execute(old, params![before.unix_millis()]).map_err(failed)?;
    transaction.execute(MAKE_ROOM, params![MAX_BINDINGS]).map_err(failed)?;
    transaction.commit().map_err(failed)
}

fn put_each(connection: &Connection, bindings: &[Binding]) -> rusqlite::Result<()> {
    let mut put = connection.prepare_cached(PUT)?;
    for binding in bindings {
        put.execute(params![binding.hash.to_bytes(), binding.credential.to_bytes(), binding.at.unix_millis()])?;
    }
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Binding> {
    Ok(Binding {
        hash: BindingHash::from_bytes(row.get(0)?),
        credential: CredentialId::from_bytes(row.get(1)?),
        at: Timestamp::from_unix_millis(row.get(2)?),
    })
}
