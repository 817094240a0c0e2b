//! Adding to the ledger: rows, and the sums over exactly those rows that were not there before.

use std::sync::LazyLock;

use keyward_domain::audit::AuditDraft;
use keyward_domain::call_name::NamedCall;
use keyward_domain::ledger::{Entry, Refusal};
use keyward_domain::port::StoreError;
use keyward_domain::usage::Usage;
use rusqlite::{CachedStatement, Connection, Statement, ToSql, TransactionBehavior, params};

use super::audit;
use super::error::failed;
use super::named_call;
use super::names::{Names, SubjectNames};
use super::rollup::{self, Group};
use super::spend;
use crate::change::correction_noun;
use crate::code;
use crate::sums::{Sums, SumsBy, add_to};

/// What every row has.
const COMMON: &str = "request, attempt, at_ms, tenant, virtual_key, provider, provider_name, credential, credential_name, \
    requested_model, model, dialect, operation, streamed, reserved_nanodollars, price_version, outcome, status, source, \
    cost_nanodollars, duration_us, first_content_us, overhead_us, raw_usage, input_uncached, cache_read, output, reasoning";
const COMMON_COLUMNS: usize = 28;
/// What few have, and what the others have there.
const RARE: [(&str, &str); 14] = [
    ("cache_write_5m", "0"),
    ("cache_write_1h", "0"),
    ("input_audio", "0"),
    ("input_image", "0"),
    ("output_audio", "0"),
    ("output_image", "0"),
    ("images", "0"),
    ("input_audio_ms", "0"),
    ("input_characters", "0"),
    ("searches", "0"),
    ("team", "NULL"),
    ("user", "NULL"),
    ("end_user", "NULL"),
    ("tags", "NULL"),
];

const INSERT_REFUSAL: &str = "INSERT INTO refusal \
    (request, at_ms, tenant, virtual_key, requested_model, dialect, operation, code, status) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (request) DO NOTHING";

/// Adds a batch in one transaction.
pub(super) fn append(
    connection: &mut Connection,
    names: &mut Names,
    entries: &[Entry],
    refusals: &[Refusal],
) -> Result<Vec<bool>, StoreError> {
    if entries.is_empty() && refusals.is_empty() {
        return Ok(Vec::new());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let new = append_entries(&transaction, names, entries).map_err(failed)?;
    append_refusals(&transaction, names, refusals).map_err(failed)?;
    transaction.commit().map_err(failed)?;
    Ok(new)
}

/// Adds corrections with their audit entry, all of them or none.
pub(super) fn correct(
    connection: &mut Connection,
    names: &mut Names,
    corrections: &[Entry],
    draft: &AuditDraft,
) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let new = append_entries(&transaction, names, corrections).map_err(failed)?;
    if let Some((known, _)) = corrections.iter().zip(new).find(|(_, is_new)| !is_new) {
        return Err(StoreError::Conflict(correction_noun(known)));
    }
    audit::write(&transaction, draft).map_err(failed)?;
    transaction.commit().map_err(failed)
}

/// Says of each row whether it was new.
fn append_entries(connection: &Connection, names: &mut Names, entries: &[Entry]) -> rusqlite::Result<Vec<bool>> {
    let mut inserts = Inserts::on(connection)?;
    let (mut groups, mut scopes) = (SumsBy::<Group>::default(), SumsBy::default());
    let mut new = Vec::with_capacity(entries.len());
    for entry in entries {
        let subject = names.of(connection, &entry.subject)?;
        let tags = tags(connection, names, entry)?;
        let is_new = inserts.add(entry, &subject, tags.as_deref())?;
        if is_new {
            add_to(&mut groups, Group::of(entry, &subject), &Sums::of(entry));
            spend::note(connection, names, entry, &subject, &mut scopes)?;
            if let Some(call) = NamedCall::of(entry) {
                named_call::note(connection, &call)?;
            }
        }
        new.push(is_new);
    }
    rollup::add(connection, &groups)?;
    spend::add(connection, &scopes)?;
    Ok(new)
}

/// The tags of a row as a JSON list of numbers; nothing when it has none.
fn tags(connection: &Connection, names: &mut Names, entry: &Entry) -> rusqlite::Result<Option<String>> {
    let Some(attributed) = entry.subject.attributed.as_ref().filter(|to| !to.tags.is_empty()) else { return Ok(None) };
    let numbers = attributed.tags.iter().map(|tag| names.text(connection, tag).map(|number| number.to_string()));
    Ok(Some(format!("[{}]", numbers.collect::<rusqlite::Result<Vec<_>>>()?.join(","))))
}

/// The two statements that add a row: most have nothing rare, and every value that is not bound is time saved.
struct Inserts<'c> {
    plain: CachedStatement<'c>,
    whole: CachedStatement<'c>,
}

impl<'c> Inserts<'c> {
    fn on(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self { plain: connection.prepare_cached(&INSERT_PLAIN)?, whole: connection.prepare_cached(&INSERT_WHOLE)? })
    }

    /// Whether the row was new.
    fn add(&mut self, entry: &Entry, names: &SubjectNames, tags: Option<&str>) -> rusqlite::Result<bool> {
        let usage = &entry.usage;
        let common = Usage {
            input_uncached: usage.input_uncached,
            cache_read: usage.cache_read,
            output: usage.output,
            reasoning: usage.reasoning,
            ..Usage::default()
        };
        let is_whole = *usage != common || entry.subject.attributed.is_some();
        let statement = if is_whole { &mut self.whole } else { &mut self.plain };
        bind_common(statement, entry, names)?;
        if is_whole {
            bind_rare(statement, entry, names, tags)?;
        }
        statement.raw_execute().map(|changed| changed == 1)
    }
}

static INSERT_PLAIN: LazyLock<String> = LazyLock::new(|| insert(false));
static INSERT_WHOLE: LazyLock<String> = LazyLock::new(|| insert(true));

/// The statement that adds a row; with what is rare bound too, or constant.
fn insert(is_whole: bool) -> String {
    let bound = (1..=COMMON_COLUMNS).map(|place| format!("?{place}"));
    let rare = RARE.iter().enumerate().map(|(after, (_, constant))| {
        if is_whole { format!("?{}", COMMON_COLUMNS + 1 + after) } else { (*constant).to_owned() }
    });
    let (columns, values) = (RARE.map(|(column, _)| column).join(", "), bound.chain(rare).collect::<Vec<_>>());
    format!(
        "INSERT INTO entry ({COMMON}, {columns}) VALUES ({}) ON CONFLICT (request, attempt) DO NOTHING",
        values.join(", ")
    )
}

/// In the order of [`COMMON`].
fn bind_common(statement: &mut Statement<'_>, entry: &Entry, names: &SubjectNames) -> rusqlite::Result<()> {
    let (subject, usage) = (&entry.subject, &entry.usage);
    let count = u64::cast_signed;
    bind(
        statement,
        1,
        params![
            subject.attempt.request.to_bytes(),
            subject.attempt.number,
            subject.at.unix_millis(),
            names.tenant,
            subject.virtual_key.bits().cast_signed(),
            names.provider,
            names.provider_name,
            names.credential,
            names.credential_name,
            names.requested_model,
            names.model,
            code::number_of_dialect(subject.dialect),
            code::number_of_operation(subject.operation),
            subject.streamed,
            subject.reserved.map(|amount| amount.0),
            names.price_version,
            code::number_of_outcome(entry.outcome),
            entry.status,
            code::number_of_source(entry.source),
            entry.cost.map(|amount| amount.0),
            count(code::micros(entry.duration)),
            entry.first_content.map(|length| count(code::micros(length))),
            count(code::micros(entry.overhead)),
            code::fitting_raw_usage(entry.raw_usage.as_deref()),
            count(usage.input_uncached),
            count(usage.cache_read),
            count(usage.output),
            count(usage.reasoning),
        ],
    )
}

/// In the order of [`RARE`].
fn bind_rare(
    statement: &mut Statement<'_>,
    entry: &Entry,
    names: &SubjectNames,
    tags: Option<&str>,
) -> rusqlite::Result<()> {
    let usage = &entry.usage;
    let count = u64::cast_signed;
    bind(
        statement,
        COMMON_COLUMNS + 1,
        params![
            count(usage.cache_write_5m),
            count(usage.cache_write_1h),
            count(usage.input_audio),
            count(usage.input_image),
            count(usage.output_audio),
            count(usage.output_image),
            count(usage.images),
            count(usage.input_audio_ms),
            count(usage.input_characters),
            count(usage.searches),
            names.team,
            names.user,
            names.end_user,
            tags,
        ],
    )
}

/// Values in a row, the first of which has this place.
fn bind(statement: &mut Statement<'_>, first: usize, values: &[&dyn ToSql]) -> rusqlite::Result<()> {
    values.iter().zip(first..).try_for_each(|(value, place)| statement.raw_bind_parameter(place, value))
}

fn append_refusals(connection: &Connection, names: &mut Names, refusals: &[Refusal]) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(INSERT_REFUSAL)?;
    for refusal in refusals {
        insert.execute(params![
            refusal.request.to_bytes(),
            refusal.at.unix_millis(),
            names.tenant(connection, refusal.tenant)?,
            refusal.virtual_key.bits().cast_signed(),
            refusal.requested_model,
            code::number_of_dialect(refusal.dialect),
            refusal.operation.map(code::number_of_operation),
            refusal.code,
            refusal.status,
        ])?;
    }
    Ok(())
}
