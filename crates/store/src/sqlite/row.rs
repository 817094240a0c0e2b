//! A ledger row as it is read back.

use std::sync::Arc;
use std::time::Duration;

use keyward_domain::ids::{CredentialId, ProviderId, RequestId, TenantId};
use keyward_domain::ledger::{AttemptId, Attributed, Entry, Refusal, Subject};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::StoreError;
use keyward_domain::time::Timestamp;
use keyward_domain::token::TokenId;
use rusqlite::Row;

use super::error::failed;
use super::names::Texts;
use crate::code::{self, BUCKETS};

/// In the order that [`entry`] reads.
pub(super) const ENTRY: &str = "request, attempt, at_ms, tenant, virtual_key, provider, provider_name, credential, \
    credential_name, requested_model, model, dialect, operation, streamed, reserved_nanodollars, price_version, \
    outcome, status, source, cost_nanodollars, duration_us, first_content_us, overhead_us, raw_usage, input_uncached, \
    cache_read, cache_write_5m, cache_write_1h, input_audio, input_image, output, reasoning, output_audio, \
    output_image, images, input_audio_ms, input_characters, searches, team, user, end_user, tags";
const FIRST_BUCKET: usize = 24;
const TEAM: usize = FIRST_BUCKET + BUCKETS;

/// In the order that [`refusal`] reads.
pub(super) const REFUSAL: &str =
    "request, at_ms, tenant, virtual_key, requested_model, dialect, operation, code, status";

/// An attempt.
pub(super) fn entry(row: &Row<'_>, texts: &mut Texts<'_>) -> Result<Entry, StoreError> {
    let mut buckets = [0_u64; BUCKETS];
    for (place, bucket) in buckets.iter_mut().enumerate() {
        *bucket = unsigned(row, FIRST_BUCKET + place)?;
    }
    Ok(Entry {
        subject: subject(row, texts)?,
        outcome: known(code::outcome(get(row, 16)?), "outcome")?,
        status: get(row, 17)?,
        source: known(code::source(get(row, 18)?), "usage source")?,
        cost: get::<Option<i64>>(row, 19)?.map(Nanodollars),
        duration: Duration::from_micros(unsigned(row, 20)?),
        first_content: get::<Option<i64>>(row, 21)?.map(|micros| Duration::from_micros(micros.cast_unsigned())),
        overhead: Duration::from_micros(unsigned(row, 22)?),
        raw_usage: get(row, 23)?,
        usage: code::usage(buckets),
    })
}

fn subject(row: &Row<'_>, texts: &mut Texts<'_>) -> Result<Subject, StoreError> {
    let attributed = attributed(row, texts)?;
    let mut text = |column| texts.of(get(row, column)?).map_err(failed);
    Ok(Subject {
        attempt: AttemptId { request: RequestId::from_bytes(get(row, 0)?), number: get(row, 1)? },
        at: Timestamp::from_unix_millis(get(row, 2)?),
        tenant: parse::<TenantId>(&text(3)?)?,
        virtual_key: TokenId::from_bits(unsigned(row, 4)?),
        provider: parse::<ProviderId>(&text(5)?)?,
        provider_name: text(6)?,
        credential: parse::<CredentialId>(&text(7)?)?,
        credential_name: text(8)?,
        requested_model: text(9)?,
        model: text(10)?,
        dialect: known(code::dialect(get(row, 11)?), "dialect")?,
        operation: known(code::operation(get(row, 12)?), "operation")?,
        streamed: get(row, 13)?,
        reserved: get::<Option<i64>>(row, 14)?.map(Nanodollars),
        price_version: text(15)?,
        attributed: (!attributed.is_empty()).then(|| Arc::new(attributed)),
        trace: None,
        named: None,
    })
}

fn attributed(row: &Row<'_>, texts: &mut Texts<'_>) -> Result<Attributed, StoreError> {
    let mut text = |column| {
        let number: Option<i64> = get(row, column)?;
        number.map(|number| texts.of(number).map_err(failed)).transpose()
    };
    let (team, user, end_user) = (text(TEAM)?, text(TEAM + 1)?, text(TEAM + 2)?);
    let tags = get::<Option<String>>(row, TEAM + 3)?.map(|list| tags(&list, texts)).transpose()?;
    Ok(Attributed {
        team: team.map(|id| parse(&id)).transpose()?,
        user: user.map(|id| parse(&id)).transpose()?,
        end_user,
        tags: tags.unwrap_or_default(),
    })
}

fn tags(list: &str, texts: &mut Texts<'_>) -> Result<Vec<Arc<str>>, StoreError> {
    let numbers: Vec<i64> = serde_json::from_str(list)
        .map_err(|_| StoreError::Damaged(format!("a ledger row with the impossible tags `{list}`")))?;
    numbers.into_iter().map(|number| texts.of(number).map_err(failed)).collect()
}

/// A refused call.
pub(super) fn refusal(row: &Row<'_>, texts: &mut Texts<'_>) -> Result<Refusal, StoreError> {
    let operation: Option<u8> = get(row, 6)?;
    Ok(Refusal {
        request: RequestId::from_bytes(get(row, 0)?),
        at: Timestamp::from_unix_millis(get(row, 1)?),
        tenant: parse(&texts.of(get(row, 2)?).map_err(failed)?)?,
        virtual_key: TokenId::from_bits(unsigned(row, 3)?),
        requested_model: get(row, 4)?,
        dialect: known(code::dialect(get(row, 5)?), "dialect")?,
        operation: operation.map(|number| known(code::operation(number), "operation")).transpose()?,
        code: get(row, 7)?,
        status: get(row, 8)?,
    })
}

fn get<T: rusqlite::types::FromSql>(row: &Row<'_>, column: usize) -> Result<T, StoreError> {
    row.get(column).map_err(failed)
}

fn unsigned(row: &Row<'_>, column: usize) -> Result<u64, StoreError> {
    get::<i64>(row, column).map(i64::cast_unsigned)
}

fn known<T>(value: Option<T>, what: &str) -> Result<T, StoreError> {
    value.ok_or_else(|| StoreError::Damaged(format!("a ledger row with an unknown {what}")))
}

fn parse<T: std::str::FromStr>(text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::Damaged(format!("a ledger row with the impossible id `{text}`")))
}
