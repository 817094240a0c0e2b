//! The request log: the ledger's rows and the refusals, as one list, newest first.

use keyward_domain::ids::RequestId;
use keyward_domain::ledger::{AttemptOutcome, Entry, Refusal, RequestFilter, RequestRow};
use keyward_domain::port::StoreError;
use rusqlite::{Connection, params};

use super::error::failed;
use super::names::Texts;
use super::row::{self, ENTRY, REFUSAL};
use crate::{code, page};

/// Requests of which an attempt is in the ledger. A request failed when its last attempt did.
const WITH_ATTEMPTS: &str = "SELECT DISTINCT request FROM entry WHERE request >= ?1 AND request < ?2 \
    AND (?3 IS NULL OR virtual_key = ?3) \
    AND (NOT ?4 OR (outcome NOT IN (?6, ?7) AND NOT EXISTS (SELECT 1 FROM entry AS later \
         WHERE later.request = entry.request AND later.attempt > entry.attempt AND later.outcome <> ?7))) \
    AND (?8 IS NULL OR tenant = (SELECT id FROM name WHERE text = ?8)) \
    ORDER BY request DESC LIMIT ?5";

const REFUSED: &str = "SELECT request FROM refusal WHERE request >= ?1 AND request < ?2 \
    AND (?3 IS NULL OR virtual_key = ?3) AND (?5 IS NULL OR tenant = (SELECT id FROM name WHERE text = ?5)) \
    ORDER BY request DESC LIMIT ?4";

/// A page of the log.
pub(super) fn newest(connection: &mut Connection, filter: &RequestFilter) -> Result<Vec<RequestRow>, StoreError> {
    let transaction = connection.transaction().map_err(failed)?;
    let mut texts = Texts::new(&transaction);
    let ids = ids(&transaction, filter).map_err(failed)?;
    ids.into_iter().map(|id| whole(&transaction, &mut texts, id)).collect()
}

/// One request, if it is known.
pub(super) fn one(connection: &mut Connection, id: RequestId) -> Result<Option<RequestRow>, StoreError> {
    let transaction = connection.transaction().map_err(failed)?;
    let row = whole(&transaction, &mut Texts::new(&transaction), id)?;
    Ok(Some(row).filter(|row| row.refusal.is_some() || !row.attempts.is_empty()))
}

fn ids(connection: &Connection, filter: &RequestFilter) -> rusqlite::Result<Vec<RequestId>> {
    let (from, before) = page::between(filter);
    let (from, before) = (from.to_bytes(), before.to_bytes());
    let key = filter.virtual_key.map(|key| key.bits().cast_signed());
    let tenant = filter.tenant.map(|tenant| tenant.to_string());
    let limit = page::length(filter.limit);
    let [completed, correction] = [AttemptOutcome::Completed, AttemptOutcome::Correction].map(code::number_of_outcome);
    let id = |row: &rusqlite::Row<'_>| row.get(0).map(RequestId::from_bytes);

    let mut attempted = connection.prepare_cached(WITH_ATTEMPTS)?;
    let asked = params![from, before, key, filter.failed_only, limit, completed, correction, tenant];
    let attempted = attempted.query_map(asked, id)?;
    let mut ids = attempted.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut refused = connection.prepare_cached(REFUSED)?;
    for id in refused.query_map(params![from, before, key, limit, tenant], id)? {
        ids.push(id?);
    }
    ids.sort_unstable_by(|one, other| other.cmp(one));
    ids.dedup();
    ids.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(ids)
}

fn whole(connection: &Connection, texts: &mut Texts<'_>, id: RequestId) -> Result<RequestRow, StoreError> {
    Ok(RequestRow { request: id, attempts: attempts(connection, texts, id)?, refusal: refusal(connection, texts, id)? })
}

fn attempts(connection: &Connection, texts: &mut Texts<'_>, id: RequestId) -> Result<Vec<Entry>, StoreError> {
    let sql = format!("SELECT {ENTRY} FROM entry WHERE request = ?1 ORDER BY attempt");
    let mut select = connection.prepare_cached(&sql).map_err(failed)?;
    let mut rows = select.query(params![id.to_bytes()]).map_err(failed)?;
    let mut attempts = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        attempts.push(row::entry(row, texts)?);
    }
    Ok(attempts)
}

fn refusal(connection: &Connection, texts: &mut Texts<'_>, id: RequestId) -> Result<Option<Refusal>, StoreError> {
    let sql = format!("SELECT {REFUSAL} FROM refusal WHERE request = ?1");
    let mut select = connection.prepare_cached(&sql).map_err(failed)?;
    let mut rows = select.query(params![id.to_bytes()]).map_err(failed)?;
    rows.next().map_err(failed)?.map(|row| row::refusal(row, texts)).transpose()
}
