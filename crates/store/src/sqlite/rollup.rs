//! Totals by quarters of an hour: what reports read instead of rows.

use keyward_domain::ledger::{Dimension, Entry, UsageQuery, UsageRow};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::{LedgerTotals, StoreError};
use keyward_domain::token::TokenId;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::failed;
use super::names::{SubjectNames, Texts};
use crate::code;
use crate::sums::{self, Calendar, Sums, SumsBy, add_to};

const SUMS: &str = "attempts, failures, estimated, unpriced, unsettled, cost_nanodollars, input_uncached, cache_read, \
    cache_write_5m, cache_write_1h, input_audio, input_image, output, reasoning, output_audio, output_image, images, \
    input_audio_ms, input_characters, searches";

const GROUP: &str = "quarter, tenant, virtual_key, team, user, provider, credential, model, dialect, operation";

/// The key of a total, in numbers. Whoever is nobody is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Group {
    quarter: i64,
    tenant: i64,
    virtual_key: i64,
    team: i64,
    user: i64,
    provider: i64,
    credential: i64,
    model: i64,
    dialect: u8,
    operation: u8,
}

impl Group {
    /// The total that this row belongs to. Providers are summed by the name that they had.
    pub(super) fn of(entry: &Entry, names: &SubjectNames) -> Self {
        Self {
            quarter: sums::quarter_number(entry.subject.at),
            tenant: names.tenant,
            virtual_key: entry.subject.virtual_key.bits().cast_signed(),
            team: names.team.unwrap_or(NOBODY),
            user: names.user.unwrap_or(NOBODY),
            provider: names.provider_name,
            credential: names.credential,
            model: names.model,
            dialect: code::number_of_dialect(entry.subject.dialect),
            operation: code::number_of_operation(entry.subject.operation),
        }
    }

    fn numbers(&self) -> [i64; 10] {
        let Self { quarter, tenant, virtual_key, team, user, provider, credential, model, dialect, operation } = *self;
        let (dialect, operation) = (i64::from(dialect), i64::from(operation));
        [quarter, tenant, virtual_key, team, user, provider, credential, model, dialect, operation]
    }

    /// What it is in one dimension: a number, or the moment at which a stretch of time begins. Nothing else is asked of
    /// totals than what they know.
    fn value(&self, dimension: Dimension, calendar: &mut Calendar) -> i64 {
        if let Some(period) = dimension.period() {
            return calendar.beginning(period, sums::quarter_beginning(self.quarter));
        }
        match dimension {
            Dimension::Tenant => self.tenant,
            Dimension::Team => self.team,
            Dimension::User => self.user,
            Dimension::VirtualKey => self.virtual_key,
            Dimension::Provider => self.provider,
            Dimension::Credential => self.credential,
            Dimension::Model => self.model,
            Dimension::Dialect => i64::from(self.dialect),
            Dimension::Operation => i64::from(self.operation),
            Dimension::Hour
            | Dimension::Day
            | Dimension::Week
            | Dimension::Month
            | Dimension::EndUser
            | Dimension::Tag => NOBODY,
        }
    }
}

/// No team, no user; names have numbers from 1 on.
const NOBODY: i64 = 0;

/// Adds to the totals and to the total of totals.
pub(super) fn add(connection: &Connection, groups: &SumsBy<Group>) -> rusqlite::Result<()> {
    let mut all = Sums::default();
    for (group, more) in groups {
        add_group(connection, group, more)?;
        all.add(more);
    }
    add_totals(connection, &all)
}

/// Sums in the range of quarters, by the dimensions asked for.
pub(super) fn usage(connection: &mut Connection, query: &UsageQuery) -> Result<Vec<UsageRow>, StoreError> {
    let transaction = connection.transaction().map_err(failed)?;
    let groups = sum_quarters(&transaction, query).map_err(failed)?;
    let mut texts = Texts::new(&transaction);
    let mut rows = Vec::with_capacity(groups.len());
    for (values, sums) in groups {
        let pairs = query.group_by.iter().zip(values);
        let group = pairs.map(|(dimension, value)| name_of(&mut texts, *dimension, value)).collect::<Result<_, _>>()?;
        rows.push(sums.into_row(group));
    }
    sums::sort(&mut rows, &query.group_by);
    Ok(rows)
}

/// Everything in a range of quarters together.
pub(super) fn whole(connection: &Connection, first: i64, end: i64) -> rusqlite::Result<Sums> {
    let sql = format!("SELECT {SUMS} FROM rollup WHERE quarter >= ?1 AND quarter < ?2");
    let mut select = connection.prepare_cached(&sql)?;
    let mut rows = select.query(params![first, end])?;
    let mut all = Sums::default();
    while let Some(row) = rows.next()? {
        all.add(&read_sums(row, 0)?);
    }
    Ok(all)
}

/// The ledger in four figures.
pub(super) fn totals(connection: &Connection) -> Result<LedgerTotals, StoreError> {
    let read = |row: &Row<'_>| {
        Ok(LedgerTotals {
            entries: row.get::<_, i64>(0)?.cast_unsigned(),
            cost: Nanodollars(row.get(1)?),
            unpriced: row.get::<_, i64>(2)?.cast_unsigned(),
            unsettled: row.get::<_, i64>(3)?.cast_unsigned(),
        })
    };
    let sql = "SELECT entries, cost_nanodollars, unpriced, unsettled FROM ledger_total";
    connection.query_row(sql, [], read).map_err(failed)
}

/// The old sums are read and added to here, not in SQL, because SQL's additions turn into floats when they overflow.
fn add_group(connection: &Connection, group: &Group, more: &Sums) -> rusqlite::Result<()> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT {SUMS} FROM rollup WHERE quarter = ?1 AND tenant = ?2 AND virtual_key = ?3 AND team = ?4 AND user = ?5 \
         AND provider = ?6 AND credential = ?7 AND model = ?8 AND dialect = ?9 AND operation = ?10"
    ))?;
    let numbers = group.numbers();
    let mut sums = select.query_row(numbers, |row| read_sums(row, 0)).optional()?.unwrap_or_default();
    sums.add(more);
    let mut replace = connection.prepare_cached(&format!(
        "INSERT OR REPLACE INTO rollup ({GROUP}, {SUMS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, \
         ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30)"
    ))?;
    replace.execute(rusqlite::params_from_iter(numbers.into_iter().chain(columns(&sums))))?;
    Ok(())
}

fn add_totals(connection: &Connection, more: &Sums) -> rusqlite::Result<()> {
    if more.is_nothing() {
        return Ok(());
    }
    let mut select = connection.prepare_cached("SELECT cost_nanodollars FROM ledger_total")?;
    let cost = Nanodollars(select.query_row([], |row| row.get(0))?).saturating_add(more.cost);
    let mut update = connection.prepare_cached(
        "UPDATE ledger_total SET entries = entries + ?1, cost_nanodollars = ?2, unpriced = unpriced + ?3, \
         unsettled = unsettled + ?4",
    )?;
    update.execute(params![more.attempts.cast_signed(), cost.0, more.unpriced, more.unsettled.cast_signed()])?;
    Ok(())
}

/// In the order of [`SUMS`].
fn columns(sums: &Sums) -> impl Iterator<Item = i64> {
    let [attempts, failures, estimated, unsettled] =
        [sums.attempts, sums.failures, sums.estimated, sums.unsettled].map(u64::cast_signed);
    let counts = [attempts, failures, estimated, sums.unpriced, unsettled, sums.cost.0];
    counts.into_iter().chain(sums.buckets.map(u64::cast_signed))
}

/// The columns [`SUMS`] of a row, the first of which has this number.
fn read_sums(row: &Row<'_>, first: usize) -> rusqlite::Result<Sums> {
    let count = |column: usize| row.get::<_, i64>(first + column).map(i64::cast_unsigned);
    let mut sums = Sums {
        attempts: count(0)?,
        failures: count(1)?,
        estimated: count(2)?,
        unpriced: row.get(first + 3)?,
        unsettled: count(4)?,
        cost: Nanodollars(row.get(first + 5)?),
        ..Sums::default()
    };
    for (place, bucket) in sums.buckets.iter_mut().enumerate() {
        *bucket = count(6 + place)?;
    }
    Ok(sums)
}

fn sum_quarters(connection: &Connection, query: &UsageQuery) -> rusqlite::Result<SumsBy<Vec<i64>>> {
    let (first, end) = sums::quarters_between(query.since, query.until);
    let sql = format!("SELECT {GROUP}, {SUMS} FROM rollup WHERE quarter >= ?1 AND quarter < ?2");
    let mut select = connection.prepare_cached(&sql)?;
    let (mut groups, mut calendar) = (SumsBy::default(), Calendar::of(&query.zone));
    if query.group_by.is_empty() {
        groups.insert(Vec::new(), Sums::default());
    }
    let mut rows = select.query(params![first, end])?;
    while let Some(row) = rows.next()? {
        let group = read_group(row)?;
        let key = query.group_by.iter().map(|dimension| group.value(*dimension, &mut calendar)).collect();
        add_to(&mut groups, key, &read_sums(row, 10)?);
    }
    Ok(groups)
}

fn read_group(row: &Row<'_>) -> rusqlite::Result<Group> {
    Ok(Group {
        quarter: row.get(0)?,
        tenant: row.get(1)?,
        virtual_key: row.get(2)?,
        team: row.get(3)?,
        user: row.get(4)?,
        provider: row.get(5)?,
        credential: row.get(6)?,
        model: row.get(7)?,
        dialect: row.get(8)?,
        operation: row.get(9)?,
    })
}

fn name_of(texts: &mut Texts<'_>, dimension: Dimension, value: i64) -> Result<String, StoreError> {
    let unknown = || StoreError::Damaged(format!("a total with the unknown number {value}"));
    let number = || u8::try_from(value).map_err(|_| unknown());
    Ok(match dimension {
        Dimension::VirtualKey => TokenId::from_bits(value.cast_unsigned()).to_string(),
        Dimension::Team | Dimension::User if value == NOBODY => String::new(),
        Dimension::Tenant
        | Dimension::Team
        | Dimension::User
        | Dimension::Provider
        | Dimension::Credential
        | Dimension::Model => texts.of(value).map_err(failed)?.to_string(),
        Dimension::Dialect => code::dialect(number()?).ok_or_else(unknown)?.as_str().to_owned(),
        Dimension::Operation => code::operation(number()?).ok_or_else(unknown)?.as_str().to_owned(),
        Dimension::Hour | Dimension::Day | Dimension::Week | Dimension::Month | Dimension::EndUser | Dimension::Tag => {
            value.to_string()
        }
    })
}
