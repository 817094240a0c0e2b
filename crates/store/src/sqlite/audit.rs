//! The audit log: written inside the transaction of what it tells, read newest first.

use std::str::FromStr;

use keyward_domain::audit::{AuditDraft, AuditEntry, Outcome};
use keyward_domain::port::StoreError;
use keyward_domain::time::Timestamp;
use rusqlite::{Connection, Row, params};

use super::error::failed;
use crate::page;

/// Adds the next entry. INVARIANT: positions have no gaps (`audit_positions_have_no_gaps`): a failed transaction takes
/// its position back with it, and there is one writer.
pub(super) fn write(connection: &Connection, draft: &AuditDraft) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO audit (seq, id, at_ms, actor, tenant, action, object, outcome, detail) \
         VALUES ((SELECT coalesce(max(seq), 0) + 1 FROM audit), ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    insert.execute(params![
        draft.id.to_string(),
        draft.at.unix_millis(),
        draft.actor,
        draft.tenant.to_string(),
        draft.action,
        draft.object,
        draft.outcome.as_str(),
        draft.detail,
    ])?;
    Ok(())
}

/// A page of the log.
pub(super) fn newest(connection: &Connection, before: Option<u64>, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
    let before = before.map_or(i64::MAX, |before| i64::try_from(before).unwrap_or(i64::MAX));
    let mut select = connection
        .prepare_cached(
            "SELECT seq, id, at_ms, actor, tenant, action, object, outcome, detail FROM audit WHERE seq < ?1 \
             ORDER BY seq DESC LIMIT ?2",
        )
        .map_err(failed)?;
    let mut rows = select.query(params![before, page::length(limit)]).map_err(failed)?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        entries.push(read(row)?);
    }
    Ok(entries)
}

fn read(row: &Row<'_>) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        seq: row.get::<_, i64>(0).map_err(failed)?.cast_unsigned(),
        id: parse(row, 1)?,
        at: Timestamp::from_unix_millis(row.get(2).map_err(failed)?),
        actor: row.get(3).map_err(failed)?,
        tenant: parse(row, 4)?,
        action: row.get(5).map_err(failed)?,
        object: row.get(6).map_err(failed)?,
        outcome: outcome(&row.get::<_, String>(7).map_err(failed)?)?,
        detail: row.get(8).map_err(failed)?,
    })
}

fn parse<T: FromStr>(row: &Row<'_>, column: usize) -> Result<T, StoreError> {
    let text: String = row.get(column).map_err(failed)?;
    text.parse().map_err(|_| StoreError::Damaged(format!("an audit entry with the impossible id `{text}`")))
}

fn outcome(word: &str) -> Result<Outcome, StoreError> {
    let known = [Outcome::Done, Outcome::Refused].into_iter().find(|outcome| outcome.as_str() == word);
    known.ok_or_else(|| StoreError::Damaged(format!("an audit entry with the unknown outcome `{word}`")))
}
