//! Leases, with the audit entries of taking and reporting them.

use keyward_domain::audit::AuditDraft;
use keyward_domain::ids::RequestId;
use keyward_domain::lease::{Lease, LeaseState};
use keyward_domain::port::{MAX_OPEN_LEASES, StoreError};
use keyward_domain::time::Timestamp;
use rusqlite::{Connection, TransactionBehavior, params};

use super::error::failed;
use super::{audit, body};
use crate::lease::{Step, step};

/// Begins or ends a lease, and tells the audit log, in one transaction.
pub(super) fn put(connection: &mut Connection, lease: &Lease, draft: Option<&AuditDraft>) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    if step(one(&transaction, lease.id)?.as_ref(), lease)? == Step::Nothing {
        return Ok(());
    }
    write(&transaction, lease)?;
    if let Some(draft) = draft {
        audit::write(&transaction, draft).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

/// The lease, if it is known.
pub(super) fn one(connection: &Connection, id: RequestId) -> Result<Option<Lease>, StoreError> {
    let mut select = connection.prepare_cached("SELECT body FROM lease WHERE id = ?1").map_err(failed)?;
    let mut rows = select.query(params![id.to_bytes()]).map_err(failed)?;
    rows.next().map_err(failed)?.map(|row| body::read(row, 0, &format!("lease `{id}`"))).transpose()
}

/// Those that have not ended, the next to expire in front.
pub(super) fn open(connection: &Connection) -> Result<Vec<Lease>, StoreError> {
    let sql = "SELECT body FROM lease WHERE state = ?1 ORDER BY expires_at_ms, id LIMIT ?2";
    let mut select = connection.prepare_cached(sql).map_err(failed)?;
    let mut rows = select.query(params![LeaseState::Open.as_str(), MAX_OPEN_LEASES]).map_err(failed)?;
    let mut leases = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        leases.push(body::read(row, 0, "an open lease")?);
    }
    Ok(leases)
}

/// Forgets those that have ended and would have expired before.
pub(super) fn forget(connection: &Connection, before: Timestamp) -> Result<(), StoreError> {
    let sql = "DELETE FROM lease WHERE state <> ?1 AND expires_at_ms < ?2";
    connection.execute(sql, params![LeaseState::Open.as_str(), before.unix_millis()]).map(drop).map_err(failed)
}

fn write(connection: &Connection, lease: &Lease) -> Result<(), StoreError> {
    let text = body::write(lease, &format!("lease `{}`", lease.id))?;
    let sql = "INSERT OR REPLACE INTO lease (id, state, expires_at_ms, body) VALUES (?1, ?2, ?3, ?4)";
    let values = params![lease.id.to_bytes(), lease.state.as_str(), lease.expires_at.unix_millis(), text];
    connection.prepare_cached(sql).and_then(|mut put| put.execute(values)).map(drop).map_err(failed)
}
