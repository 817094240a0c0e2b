//! The ledger's rows, page by page.

use keyward_domain::ids::RequestId;
use keyward_domain::ledger::{AttemptId, Entry, EntryFilter, MAX_ATTEMPT_DELAY, MAX_ENTRIES};
use keyward_domain::port::StoreError;
use keyward_domain::time::Timestamp;
use rusqlite::{Connection, params};

use super::error::failed;
use super::names::Texts;
use super::row::{self, ENTRY};

/// A page of rows by when their attempts began. The key's order is the order of the requests' times, so only rows around
/// the range are looked at.
pub(super) fn page(connection: &mut Connection, filter: &EntryFilter) -> Result<Vec<Entry>, StoreError> {
    let transaction = connection.transaction().map_err(failed)?;
    let mut texts = Texts::new(&transaction);
    let sql = format!(
        "SELECT {ENTRY} FROM entry WHERE (request, attempt) > (?1, ?2) AND request < ?3 AND at_ms >= ?4 AND at_ms < ?5 \
         ORDER BY request, attempt LIMIT ?6"
    );
    let mut select = transaction.prepare_cached(&sql).map_err(failed)?;
    let (first, end) = requests_around(filter.since, filter.until);
    let after = filter.after.map_or(first, |after| after.max(first));
    let mut rows = select
        .query(params![
            after.request.to_bytes(),
            after.number,
            end.to_bytes(),
            filter.since.unix_millis(),
            filter.until.unix_millis(),
            filter.limit.min(MAX_ENTRIES),
        ])
        .map_err(failed)?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        entries.push(row::entry(row, &mut texts)?);
    }
    Ok(entries)
}

/// Between which keys the rows of attempts lie that began in this range: behind the first, before the second.
pub(super) fn requests_around(since: Timestamp, until: Timestamp) -> (AttemptId, RequestId) {
    let id = |at: Timestamp| RequestId::from_parts(at.max(Timestamp::EPOCH), [0; 10]);
    let end = until.plus(MAX_ATTEMPT_DELAY);
    let end =
        if end < RequestId::from_bits(u128::MAX).created_at() { id(end) } else { RequestId::from_bits(u128::MAX) };
    (AttemptId { request: id(since.minus(MAX_ATTEMPT_DELAY)), number: 0 }, end)
}
