//! Adding to the ledger: rows, and the sums over exactly those rows that were not there before.

use keyward_domain::audit::AuditDraft;
use keyward_domain::call_name::NamedCall;
use keyward_domain::ledger::{Entry, Refusal};
use keyward_domain::port::StoreError;
use rusqlite::{CachedStatement, Connection, TransactionBehavior, params};

use super::audit;
use super::error::failed;
use super::named_call;
use super::names::{Names, SubjectNames};
use super::rollup::{self, Group};
use super::spend;
use crate::change::correction_noun;
use crate::code;
use crate::sums::{Sums, SumsBy, add_to};

const INSERT_ENTRY: &str = "INSERT INTO entry (request, attempt, at_ms, tenant, virtual_key, provider, provider_name, \
    credential, credential_name, requested_model, model, dialect, operation, streamed, reserved_nanodollars, \
    price_version, outcome, status, source, cost_nanodollars, duration_us, first_content_us, overhead_us, \
    input_uncached, cache_read, cache_write_5m, cache_write_1h, input_audio, input_image, output, reasoning, \
    output_audio, output_image, images, input_audio_ms, input_characters, searches, raw_usage, team, user, end_user, \
    tags) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, \
    ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37, ?38, ?39, ?40, ?41, ?42) \
    ON CONFLICT (request, attempt) DO NOTHING";

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
    let mut insert = connection.prepare_cached(INSERT_ENTRY)?;
    let (mut groups, mut scopes) = (SumsBy::<Group>::default(), SumsBy::default());
    let mut new = Vec::with_capacity(entries.len());
    for entry in entries {
        let subject = names.of(connection, &entry.subject)?;
        let tags = tags(connection, names, entry)?;
        let is_new = insert_entry(&mut insert, entry, &subject, tags.as_deref())?;
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

/// Whether the row was new.
fn insert_entry(
    insert: &mut CachedStatement<'_>,
    entry: &Entry,
    names: &SubjectNames,
    tags: Option<&str>,
) -> rusqlite::Result<bool> {
    let subject = &entry.subject;
    let buckets = code::buckets(&entry.usage).map(u64::cast_signed);
    let changed = insert.execute(params![
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
        code::micros(entry.duration).cast_signed(),
        entry.first_content.map(|length| code::micros(length).cast_signed()),
        code::micros(entry.overhead).cast_signed(),
        buckets[0],
        buckets[1],
        buckets[2],
        buckets[3],
        buckets[4],
        buckets[5],
        buckets[6],
        buckets[7],
        buckets[8],
        buckets[9],
        buckets[10],
        buckets[11],
        buckets[12],
        buckets[13],
        code::fitting_raw_usage(entry.raw_usage.as_deref()),
        names.team,
        names.user,
        names.end_user,
        tags,
    ])?;
    Ok(changed == 1)
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
