//! Money that is set aside for nodes. Every method is one transaction that begins by locking the database for writing, so
//! that what it reads stays true until it commits.

use keyward_domain::escrow::{Ask, Chunk, Holder, Pot};
use keyward_domain::ids::{BudgetId, EscrowId};
use keyward_domain::ledger::SpendQuery;
use keyward_domain::money::Nanodollars;
use keyward_domain::port::{Escrow, EscrowError, MAX_CHUNKS_PER_NODE, StoreError};
use keyward_domain::scope::Scope;
use keyward_domain::time::Timestamp;
use keyward_domain::window::Window;
use rusqlite::{Connection, OptionalExtension, Params, Row, Transaction, TransactionBehavior, params};

use super::error::failed;
use super::{SqliteStore, spend};
use crate::{code, escrow};

impl Escrow for SqliteStore {
    fn enter(&self, node: &str) -> Result<Holder, EscrowError> {
        self.in_turn(|turn| {
            let sql = "INSERT INTO escrow_node (node, epoch) VALUES (?1, 1) \
                       ON CONFLICT (node) DO UPDATE SET epoch = epoch + 1 RETURNING epoch";
            let epoch: i64 = turn.query_row(sql, params![node], |row| row.get(0)).map_err(failed)?;
            Ok(Holder { node: node.into(), epoch: epoch.cast_unsigned() })
        })
    }

    fn set_aside(&self, holder: &Holder, id: EscrowId, pot: &Pot, ask: &Ask) -> Result<Chunk, EscrowError> {
        self.in_turn(|turn| {
            check_holder(turn, holder)?;
            if let Some(chunk) = one(turn, id)? {
                return if chunk.holder == *holder && chunk.pot == *pot {
                    Ok(chunk)
                } else {
                    Err(EscrowError::Gone(id))
                };
            }
            let sql = "SELECT count(*) FROM escrow WHERE node = ?1";
            let held: u32 = turn.query_row(sql, params![holder.node], |row| row.get(0)).map_err(failed)?;
            if held >= MAX_CHUNKS_PER_NODE {
                return Err(EscrowError::TooMany);
            }
            let free = escrow::free(ask.limit, posted(turn, pot)?, &touching(turn, pot)?);
            let amount = escrow::first(ask, free)?;
            let (used, expires_at) = (Nanodollars::ZERO, ask.expires_at);
            let chunk = Chunk { id, holder: holder.clone(), pot: pot.clone(), amount, used, expires_at };
            put(turn, &chunk)?;
            Ok(chunk)
        })
    }

    fn renew(&self, holder: &Holder, id: EscrowId, used: Nanodollars, ask: &Ask) -> Result<Chunk, EscrowError> {
        self.in_turn(|turn| {
            check_holder(turn, holder)?;
            let chunk = one(turn, id)?.filter(|chunk| chunk.holder == *holder).ok_or(EscrowError::Gone(id))?;
            let next = escrow::renewed(&chunk, used, ask, posted(turn, &chunk.pot)?, &touching(turn, &chunk.pot)?);
            put(turn, &next)?;
            Ok(next)
        })
    }

    fn give_back(&self, holder: &Holder, id: EscrowId) -> Result<(), EscrowError> {
        self.in_turn(|turn| {
            check_holder(turn, holder)?;
            let sql = "DELETE FROM escrow WHERE id = ?1 AND node = ?2 AND epoch = ?3";
            let values = params![id.to_bytes(), holder.node, holder.epoch.cast_signed()];
            turn.execute(sql, values).map_err(failed)?;
            Ok(())
        })
    }

    fn settled(&self, holder: &Holder, now: Timestamp) -> Result<u32, EscrowError> {
        self.in_turn(|turn| {
            check_holder(turn, holder)?;
            let (node, epoch) = (&holder.node, holder.epoch.cast_signed());
            let sql = "DELETE FROM escrow WHERE node = ?1 AND epoch < ?2 AND expires_at_ms <= ?3";
            turn.execute(sql, params![node, epoch, now.unix_millis()]).map_err(failed)?;
            let sql = "SELECT count(*) FROM escrow WHERE node = ?1 AND epoch < ?2";
            Ok(turn.query_row(sql, params![node, epoch], |row| row.get(0)).map_err(failed)?)
        })
    }

    fn write_off(&self, before: Timestamp) -> Result<Vec<Chunk>, EscrowError> {
        self.in_turn(|turn| {
            let before = before.unix_millis();
            let gone = read(turn, "WHERE expires_at_ms < ?1 ORDER BY id", params![before])?;
            turn.execute("DELETE FROM escrow WHERE expires_at_ms < ?1", params![before]).map_err(failed)?;
            Ok(gone)
        })
    }

    fn chunks(&self, pot: &Pot) -> Result<Vec<Chunk>, EscrowError> {
        Ok(touching(&self.reader(), pot)?)
    }
}

impl SqliteStore {
    fn in_turn<T>(&self, act: impl FnOnce(&Transaction<'_>) -> Result<T, EscrowError>) -> Result<T, EscrowError> {
        let mut writer = self.writer();
        let begun = writer.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let turn = begun.map_err(failed)?;
        let done = act(&turn)?;
        turn.commit().map_err(failed)?;
        Ok(done)
    }
}

fn check_holder(connection: &Connection, holder: &Holder) -> Result<(), EscrowError> {
    let sql = "SELECT epoch FROM escrow_node WHERE node = ?1";
    let latest: Option<i64> =
        connection.query_row(sql, params![holder.node], |row| row.get(0)).optional().map_err(failed)?;
    if latest == Some(holder.epoch.cast_signed()) { Ok(()) } else { Err(EscrowError::Fenced(holder.node.clone())) }
}

/// What the rows of the pot come to.
fn posted(connection: &Connection, pot: &Pot) -> Result<Nanodollars, StoreError> {
    let Window { from: since, until } = pot.window;
    let query = SpendQuery { kind: pot.scope.kind(), scope: Some(pot.scope.clone()), since, until };
    Ok(spend::read(connection, &query)?.iter().map(|spend| spend.cost).sum())
}

fn one(connection: &Connection, id: EscrowId) -> Result<Option<Chunk>, StoreError> {
    Ok(read(connection, "WHERE id = ?1", params![id.to_bytes()])?.pop())
}

fn touching(connection: &Connection, pot: &Pot) -> Result<Vec<Chunk>, StoreError> {
    let kind = code::number_of_scope_kind(pot.scope.kind());
    let which = "WHERE budget = ?1 AND kind = ?2 AND scope = ?3 ORDER BY id";
    let mut chunks = read(connection, which, params![pot.budget.to_bytes(), kind, pot.scope.key()])?;
    chunks.retain(|chunk| chunk.pot.touches(pot));
    Ok(chunks)
}

fn read(connection: &Connection, which: &str, values: impl Params) -> Result<Vec<Chunk>, StoreError> {
    let sql = format!(
        "SELECT id, node, epoch, budget, kind, scope, window_from_ms, window_until_ms, amount_nanodollars, \
         used_nanodollars, expires_at_ms FROM escrow {which}"
    );
    let mut select = connection.prepare_cached(&sql).map_err(failed)?;
    let rows = select.query_map(values, chunk).map_err(failed)?;
    rows.map(|row| row.map_err(failed)?.ok_or_else(damaged)).collect()
}

fn chunk(row: &Row<'_>) -> rusqlite::Result<Option<Chunk>> {
    let id = |at| row.get(at).map(u128::from_be_bytes);
    let moment = |at| row.get(at).map(Timestamp::from_unix_millis);
    let money = |at| row.get(at).map(Nanodollars);
    let kind = code::scope_kind(row.get(4)?);
    let key: Box<str> = row.get(5)?;
    let Some(scope) = kind.and_then(|kind| Scope::parse(kind, &key)) else { return Ok(None) };
    let window = Window { from: moment(6)?, until: moment(7)? };
    Ok(Some(Chunk {
        id: EscrowId::from_bits(id(0)?),
        holder: Holder { node: row.get(1)?, epoch: row.get::<_, i64>(2)?.cast_unsigned() },
        pot: Pot { budget: BudgetId::from_bits(id(3)?), scope, window },
        amount: money(8)?,
        used: money(9)?,
        expires_at: moment(10)?,
    }))
}

fn damaged() -> StoreError {
    StoreError::Damaged("a part of a budget is set aside for an impossible scope".to_owned())
}

fn put(connection: &Connection, chunk: &Chunk) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO escrow (id, node, epoch, budget, kind, scope, window_from_ms, window_until_ms, \
               amount_nanodollars, used_nanodollars, expires_at_ms) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let Chunk { id, holder, pot, amount, used, expires_at } = chunk;
    let values = params![
        id.to_bytes(),
        holder.node,
        holder.epoch.cast_signed(),
        pot.budget.to_bytes(),
        code::number_of_scope_kind(pot.scope.kind()),
        pot.scope.key(),
        pot.window.from.unix_millis(),
        pot.window.until.unix_millis(),
        amount.0,
        used.0,
        expires_at.unix_millis(),
    ];
    connection.prepare_cached(sql).and_then(|mut put| put.execute(values)).map(drop).map_err(failed)
}
