//! Calls that were made under a name.

use keyward_domain::call_name::{CallName, MAX_NAMED_CALLS, NamedCall};
use keyward_domain::ids::RequestId;
use keyward_domain::port::StoreError;
use keyward_domain::time::Timestamp;
use rusqlite::{Connection, Row, TransactionBehavior, params};

use super::error::failed;

const PUT: &str = "INSERT INTO named_call (name, fingerprint, request, ended_at_ms, settled) VALUES (?1, ?2, ?3, ?4, ?5) \
    ON CONFLICT (name) DO UPDATE SET fingerprint = excluded.fingerprint, request = excluded.request, \
    ended_at_ms = excluded.ended_at_ms, settled = excluded.settled WHERE excluded.ended_at_ms >= named_call.ended_at_ms";

const NEWEST: &str = "SELECT name, fingerprint, request, ended_at_ms, settled FROM named_call WHERE ended_at_ms >= ?1 \
    ORDER BY ended_at_ms DESC, name DESC LIMIT ?2";

const MAKE_ROOM: &str = "DELETE FROM named_call WHERE (ended_at_ms, name) <= \
    (SELECT ended_at_ms, name FROM named_call ORDER BY ended_at_ms DESC, name DESC LIMIT 1 OFFSET ?1)";

/// Notes that the call was made; of two calls of one name the later counts.
pub(super) fn note(connection: &Connection, call: &NamedCall) -> rusqlite::Result<()> {
    let mut put = connection.prepare_cached(PUT)?;
    let CallName { name, fingerprint } = call.name;
    put.execute(params![name, fingerprint, call.request.to_bytes(), call.ended_at.unix_millis(), call.is_settled])?;
    Ok(())
}

/// Those that ended from this moment on, the latest first.
pub(super) fn newest(connection: &Connection, since: Timestamp, limit: u32) -> Result<Vec<NamedCall>, StoreError> {
    let mut select = connection.prepare_cached(NEWEST).map_err(failed)?;
    let asked = params![since.unix_millis(), limit.min(MAX_NAMED_CALLS)];
    let rows = select.query_map(asked, read).map_err(failed)?;
    rows.collect::<rusqlite::Result<_>>().map_err(failed)
}

/// Forgets those that ended before, and what is beyond the limit.
pub(super) fn forget(connection: &mut Connection, before: Timestamp) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let old = "DELETE FROM named_call WHERE ended_at_ms < ?1";
    transaction.execute(old, params![before.unix_millis()]).map_err(failed)?;
    transaction.execute(MAKE_ROOM, params![MAX_NAMED_CALLS]).map_err(failed)?;
    transaction.commit().map_err(failed)
}

fn read(row: &Row<'_>) -> rusqlite::Result<NamedCall> {
    Ok(NamedCall {
        name: CallName { name: row.get(0)?, fingerprint: row.get(1)? },
        request: RequestId::from_bytes(row.get(2)?),
        ended_at: Timestamp::from_unix_millis(row.get(3)?),
        is_settled: row.get(4)?,
    })
}
