//! What pools learned of provider keys: the standing of each, and every change of one as an event.

use keyward_domain::ids::CredentialId;
use keyward_domain::port::{MAX_KEY_EVENTS, MAX_MODELS_PER_KEY, StoreError};
use keyward_domain::standing::{KeyEvent, KeyEventFilter, KeyStanding, Standing};
use keyward_domain::time::Timestamp;
use rusqlite::{CachedStatement, Connection, Params, TransactionBehavior, params};

use super::body;
use super::error::failed;
use crate::page;

/// Passes over an event that is there already with everything it says.
const INSERT_EVENT: &str = "INSERT INTO key_event (credential, at_ms, body) SELECT ?1, ?2, ?3 WHERE NOT EXISTS \
    (SELECT 1 FROM key_event WHERE at_ms = ?2 AND credential = ?1 AND body = ?3)";

/// Of the models of a key, those beyond the limit: the ones whose standing has lasted longest.
const MAKE_ROOM: &str = "DELETE FROM key_standing WHERE credential = ?1 AND model IN \
    (SELECT model FROM key_standing WHERE credential = ?1 AND model <> '' \
     ORDER BY since_ms DESC, model LIMIT -1 OFFSET ?2)";

const MAKE_ROOM_FOR_EVENTS: &str = "DELETE FROM key_event WHERE seq <= (SELECT max(seq) FROM key_event) - ?1";

const EVENTS: &str = "SELECT seq, body FROM key_event WHERE seq < ?1 AND at_ms >= ?2 ORDER BY seq DESC LIMIT ?3";

const EVENTS_OF_KEY: &str = "SELECT seq, body FROM key_event WHERE seq < ?1 AND at_ms >= ?2 AND credential = ?4 \
    ORDER BY seq DESC LIMIT ?3";

/// Every standing, by key and model.
pub(super) fn all(connection: &Connection) -> Result<Vec<KeyStanding>, StoreError> {
    let sql = "SELECT body FROM key_standing ORDER BY credential, model";
    let mut select = connection.prepare_cached(sql).map_err(failed)?;
    let mut rows = select.query([]).map_err(failed)?;
    let mut standings = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        standings.push(body::read(row, 0, "the standing of a provider key")?);
    }
    Ok(standings)
}

/// Adds events in one transaction, and changes standings by those that were not there before.
pub(super) fn put(connection: &mut Connection, events: &[KeyEvent]) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    for event in events {
        if insert_event(&transaction, event)? {
            replace_standing(&transaction, &event.now)?;
        }
    }
    transaction.commit().map_err(failed)
}

/// A page of events, newest first.
pub(super) fn events(connection: &Connection, filter: &KeyEventFilter) -> Result<Vec<(u64, KeyEvent)>, StoreError> {
    let before = filter.before.map_or(i64::MAX, |before| i64::try_from(before).unwrap_or(i64::MAX));
    let since = filter.since.map_or(i64::MIN, Timestamp::unix_millis);
    let limit = page::length(filter.limit);
    let prepare = |sql| connection.prepare_cached(sql).map_err(failed);
    match filter.credential {
        None => read_events(&mut prepare(EVENTS)?, params![before, since, limit]),
        Some(key) => read_events(&mut prepare(EVENTS_OF_KEY)?, params![before, since, limit, key.to_bytes()]),
    }
}

/// Forgets what is older.
pub(super) fn forget(connection: &mut Connection, before: Timestamp) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let before = params![before.unix_millis()];
    transaction.execute("DELETE FROM key_event WHERE at_ms < ?1", before).map_err(failed)?;
    transaction.execute(MAKE_ROOM_FOR_EVENTS, params![MAX_KEY_EVENTS]).map_err(failed)?;
    transaction.execute("DELETE FROM key_standing WHERE until_ms < ?1", before).map_err(failed)?;
    transaction.commit().map_err(failed)
}

/// Removes the standings of a key that is removed. Its events stay.
pub(super) fn remove(connection: &Connection, credential: CredentialId) -> rusqlite::Result<()> {
    let mut delete = connection.prepare_cached("DELETE FROM key_standing WHERE credential = ?1")?;
    delete.execute(params![credential.to_bytes()]).map(drop)
}

/// Whether the event was new.
fn insert_event(connection: &Connection, event: &KeyEvent) -> Result<bool, StoreError> {
    let text = body::write(event, "an event of a provider key")?;
    let mut insert = connection.prepare_cached(INSERT_EVENT).map_err(failed)?;
    let values = params![event.now.credential.to_bytes(), event.at.unix_millis(), text];
    Ok(insert.execute(values).map_err(failed)? == 1)
}

fn replace_standing(connection: &Connection, now: &KeyStanding) -> Result<(), StoreError> {
    let (credential, model) = (now.credential.to_bytes(), now.model.as_deref().unwrap_or_default());
    let execute = |sql, values: &[&dyn rusqlite::ToSql]| {
        connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(failed)
    };
    if now.standing == Standing::Active {
        execute("DELETE FROM key_standing WHERE credential = ?1 AND model = ?2", params![credential, model])?;
        return Ok(());
    }
    let text = body::write(now, "the standing of a provider key")?;
    let until = now.standing.until().map(Timestamp::unix_millis);
    execute(
        "INSERT OR REPLACE INTO key_standing (credential, model, since_ms, until_ms, body) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![credential, model, now.since.unix_millis(), until, text],
    )?;
    if now.model.is_some() {
        execute(MAKE_ROOM, params![credential, MAX_MODELS_PER_KEY])?;
    }
    Ok(())
}

fn read_events(select: &mut CachedStatement<'_>, parameters: impl Params) -> Result<Vec<(u64, KeyEvent)>, StoreError> {
    let mut rows = select.query(parameters).map_err(failed)?;
    let mut events = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let seq: i64 = row.get(0).map_err(failed)?;
        events.push((seq.cast_unsigned(), body::read(row, 1, "an event of a provider key")?));
    }
    Ok(events)
}
