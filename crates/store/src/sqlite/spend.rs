//! What each scope used, by quarters of an hour: what budgets are filled from.

use keyward_domain::ledger::{Entry, Spend, SpendQuery};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::StoreError;
use keyward_domain::scope::{Scope, ScopeKind};
use keyward_domain::token::TokenId;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::failed;
use super::names::{Names, SubjectNames, Texts};
use crate::code;
use crate::sums::{self, Sums, SumsBy, add_to};

/// The key of a sum, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    kind: u8,
    scope: i64,
    quarter: i64,
}

/// Adds a row to the sums of every scope that it touches.
pub(super) fn note(
    connection: &Connection,
    names: &mut Names,
    entry: &Entry,
    known: &SubjectNames,
    sums: &mut SumsBy<Place>,
) -> rusqlite::Result<()> {
    let subject = &entry.subject;
    let (quarter, row) = (sums::quarter_number(subject.at), Sums::of(entry));
    let mut add = |kind, scope| {
        let place = Place { kind: code::number_of_scope_kind(kind), scope, quarter };
        add_to(sums, place, &row);
    };
    add(ScopeKind::Global, names.text(connection, "")?);
    add(ScopeKind::Tenant, known.tenant);
    add(ScopeKind::VirtualKey, subject.virtual_key.bits().cast_signed());
    add(ScopeKind::Provider, known.provider);
    if subject.credential.bits() != 0 {
        add(ScopeKind::Credential, known.credential);
    }
    add(ScopeKind::Model, names.model(connection, subject, known)?);
    let Some(attributed) = &subject.attributed else { return Ok(()) };
    if let Some(team) = attributed.team {
        add(ScopeKind::Team, names.text(connection, &Scope::Team(team).key())?);
    }
    if let Some(user) = attributed.user {
        add(ScopeKind::User, names.text(connection, &Scope::User(user).key())?);
    }
    if let Some(name) = &attributed.end_user {
        add(ScopeKind::EndUser, names.text(connection, &Scope::EndUser(subject.tenant, name.clone()).key())?);
    }
    for tag in &attributed.tags {
        add(ScopeKind::Tag, names.text(connection, &Scope::Tag(subject.tenant, tag.clone()).key())?);
    }
    Ok(())
}

/// Writes the sums of a batch. What is there is read and added to here, not in SQL, because SQL's additions turn into
/// floats when they overflow.
pub(super) fn add(connection: &Connection, sums: &SumsBy<Place>) -> rusqlite::Result<()> {
    let mut select = connection.prepare_cached(
        "SELECT attempts, cost_nanodollars, unpriced, input_tokens, output_tokens FROM spend \
         WHERE kind = ?1 AND scope = ?2 AND quarter = ?3",
    )?;
    let mut replace = connection.prepare_cached(
        "INSERT OR REPLACE INTO spend (kind, scope, quarter, attempts, cost_nanodollars, unpriced, input_tokens, \
         output_tokens) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for (place, more) in sums {
        let Place { kind, scope, quarter } = *place;
        let before = select.query_row(params![kind, scope, quarter], figures).optional()?.unwrap_or_default();
        let usage = code::usage(more.buckets);
        let more = [
            more.attempts.cast_signed(),
            more.cost.0,
            more.unpriced,
            usage.prompt_tokens().cast_signed(),
            usage.completion_tokens().cast_signed(),
        ];
        let [attempts, cost, unpriced, input, output] = std::array::from_fn(|at| added(&before, &more, at));
        replace.execute(params![kind, scope, quarter, attempts, cost, unpriced, input, output])?;
    }
    Ok(())
}

/// The sums asked for.
pub(super) fn read(connection: &Connection, query: &SpendQuery) -> Result<Vec<Spend>, StoreError> {
    let mut texts = Texts::new(connection);
    let (first, end) = sums::quarters_between(query.since, query.until);
    let kind = code::number_of_scope_kind(query.kind);
    let mut rows = match &query.scope {
        None => {
            let sql = "SELECT attempts, cost_nanodollars, unpriced, input_tokens, output_tokens, scope, quarter \
                       FROM spend WHERE kind = ?1 AND quarter >= ?2 AND quarter < ?3";
            let mut select = connection.prepare_cached(sql).map_err(failed)?;
            let rows = select.query_map(params![kind, first, end], placed).map_err(failed)?;
            rows.collect::<rusqlite::Result<Vec<_>>>().map_err(failed)?
        }
        Some(scope) => {
            let Some(number) = number_of_scope(connection, scope).map_err(failed)? else { return Ok(Vec::new()) };
            let sql = "SELECT attempts, cost_nanodollars, unpriced, input_tokens, output_tokens, scope, quarter \
                       FROM spend WHERE kind = ?1 AND scope = ?4 AND quarter >= ?2 AND quarter < ?3";
            let mut select = connection.prepare_cached(sql).map_err(failed)?;
            let rows = select.query_map(params![kind, first, end, number], placed).map_err(failed)?;
            rows.collect::<rusqlite::Result<Vec<_>>>().map_err(failed)?
        }
    };
    let spends = rows.drain(..).map(|(figures, scope, quarter)| {
        let scope = scope_of(&mut texts, query.kind, scope)?;
        let [attempts, cost, unpriced, input, output] = figures;
        Ok(Spend {
            scope,
            quarter: sums::quarter_beginning(quarter),
            attempts: attempts.cast_unsigned(),
            cost: Nanodollars(cost),
            unpriced: u64::try_from(unpriced).unwrap_or(0),
            input_tokens: input.cast_unsigned(),
            output_tokens: output.cast_unsigned(),
        })
    });
    let mut spends = spends.collect::<Result<Vec<_>, StoreError>>()?;
    spends.sort_by(|one, other| (&one.scope, one.quarter).cmp(&(&other.scope, other.quarter)));
    Ok(spends)
}

type Figures = [i64; 5];

fn figures(row: &Row<'_>) -> rusqlite::Result<Figures> {
    Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?])
}

fn placed(row: &Row<'_>) -> rusqlite::Result<(Figures, i64, i64)> {
    Ok((figures(row)?, row.get(5)?, row.get(6)?))
}

fn added(one: &Figures, other: &Figures, at: usize) -> i64 {
    let of = |figures: &Figures| figures.get(at).copied().unwrap_or_default();
    of(one).saturating_add(of(other))
}

pub(super) fn number_of_scope(connection: &Connection, scope: &Scope) -> rusqlite::Result<Option<i64>> {
    if let Scope::VirtualKey(id) = scope {
        return Ok(Some(id.bits().cast_signed()));
    }
    let mut select = connection.prepare_cached("SELECT id FROM name WHERE text = ?1")?;
    select.query_row(params![scope.key()], |row| row.get(0)).optional()
}

pub(super) fn scope_of(texts: &mut Texts<'_>, kind: ScopeKind, number: i64) -> Result<Scope, StoreError> {
    if kind == ScopeKind::VirtualKey {
        return Ok(Scope::VirtualKey(TokenId::from_bits(number.cast_unsigned())));
    }
    let key = texts.of(number).map_err(failed)?;
    Scope::parse(kind, &key).ok_or_else(|| StoreError::Damaged(format!("a sum of the impossible scope `{key}`")))
}
