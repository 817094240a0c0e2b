use keyward_domain::dialect::Operation;
use keyward_domain::ledger::{AttemptOutcome, Correction, Entry, RequestRow};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::Records;
use keyward_domain::token::TokenId;
use keyward_domain::usage::{Usage, UsageSource};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::field::{Moment, usd};

/// One call of a client.
#[derive(Debug, Serialize, ToSchema)]
pub struct RequestView {
    /// Its id, as in `x-keyward-request-id`.
    pub id: String,
    /// When it came.
    pub at: Moment,
    /// The id of the virtual key that asked.
    pub virtual_key: String,
    /// That key's name, while there is such a key.
    pub virtual_key_name: Option<String>,
    /// The model as the client named it.
    pub requested_model: String,
    /// The wire format.
    pub dialect: &'static str,
    /// What was asked, when the path said so.
    pub operation: Option<&'static str>,
    /// How it ended: the last attempt's outcome, or `refused`.
    pub outcome: &'static str,
    /// The denial's code, when it was refused before anything was sent.
    pub code: Option<String>,
    /// The HTTP status of the refusal or of the last attempt; 0 when there was none.
    pub status: u16,
    /// What all attempts cost in nano-dollars, as far as prices are known.
    pub cost_nanodollars: i64,
    /// The same in dollars.
    pub cost_usd: String,
    /// Whether the price of some attempt is unknown, so that its cost is missing above.
    pub unpriced: bool,
    /// Whether the figures of some attempt are estimated or partial, so that the provider's bill may say something else.
    pub estimated: bool,
    /// The attempts in order.
    pub attempts: Vec<AttemptView>,
    /// What was added to their cost later; the cost above includes it.
    pub corrections: Vec<CorrectionView>,
}

/// An entry that corrects what an attempt cost.
#[derive(Debug, Serialize, ToSchema)]
pub struct CorrectionView {
    /// Its own number within the request.
    pub number: u8,
    /// The number of the attempt that it corrects.
    pub corrects: u8,
    /// When it was made; `null` when it does not say.
    pub made_at: Option<Moment>,
    /// Why.
    pub reason: String,
    /// What it adds, in nano-dollars; negative for a refund.
    pub amount_nanodollars: i64,
    /// The same in dollars.
    pub amount_usd: String,
    /// Whether it is the difference that another price makes.
    pub repriced: bool,
    /// Which price table it is based on.
    pub price_version: String,
}

/// One attempt at a provider.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttemptView {
    /// Which attempt, from 1.
    pub number: u8,
    /// When it began.
    pub at: Moment,
    /// The provider's name at that time.
    pub provider: String,
    /// The provider key's name at that time.
    pub key: String,
    /// The model as the provider calls it.
    pub model: String,
    /// Whether the client wanted a stream.
    pub streamed: bool,
    /// `completed`, `upstream_error`, `cut`, `client_gone`, `not_sent`, or `unsettled`: Keyward died in the middle, and it
    /// costs all that was reserved until somebody compares it with the provider's bill.
    pub outcome: &'static str,
    /// The provider's HTTP status; 0 when there was none.
    pub status: u16,
    /// What was consumed, in disjoint buckets that are not zero; `null` for `unsettled`, of which nobody counted anything.
    pub usage: Value,
    /// How that is known: `provider`, `partial`, `estimated`, `none`.
    pub source: &'static str,
    /// What it cost in nano-dollars; `null` when the price is unknown.
    pub cost_nanodollars: Option<i64>,
    /// The same in dollars.
    pub cost_usd: Option<String>,
    /// The most that it could have cost, as reserved before it was sent.
    pub reserved_nanodollars: Option<i64>,
    /// Which price table applied; empty when the price is unknown.
    pub price_version: String,
    /// From its beginning to its end.
    pub duration_ms: u64,
    /// From its beginning to the first content.
    pub first_content_ms: Option<u64>,
    /// What Keyward itself added.
    pub overhead_us: u64,
    /// The provider's own usage object as it came; only when one request is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_usage: Option<Value>,
}

impl RequestView {
    /// The view of a row; `raw` adds what providers reported.
    pub fn of(row: &RequestRow, records: &Records, raw: bool) -> Self {
        let last = row.made().next_back();
        let refusal = row.refusal.as_ref();
        let vkey = last.map(|entry| entry.subject.virtual_key).or_else(|| refusal.map(|refusal| refusal.virtual_key));
        let corrections: Vec<_> = row.attempts.iter().filter_map(|entry| Some((entry, entry.correction()?))).collect();
        let cost: Nanodollars = row.attempts.iter().filter_map(|entry| entry.cost).sum();
        Self {
            id: row.request.to_string(),
            at: Moment(row.request.created_at()),
            virtual_key: vkey.map(|id| id.to_string()).unwrap_or_default(),
            virtual_key_name: vkey.and_then(|id| name_of(id, records)),
            requested_model: last
                .map(|entry| entry.subject.requested_model.to_string())
                .or_else(|| refusal.map(|refusal| refusal.requested_model.to_string()))
                .unwrap_or_default(),
            dialect: last
                .map(|entry| entry.subject.dialect)
                .or_else(|| refusal.map(|refusal| refusal.dialect))
                .map_or("", keyward_domain::dialect::Dialect::as_str),
            operation: last
                .map(|entry| entry.subject.operation)
                .or_else(|| refusal.and_then(|refusal| refusal.operation))
                .map(Operation::as_str),
            outcome: last.map_or("refused", |entry| entry.outcome.as_str()),
            code: refusal.map(|refusal| refusal.code.to_string()),
            status: last.map(|entry| entry.status).or_else(|| refusal.map(|refusal| refusal.status)).unwrap_or(0),
            cost_nanodollars: cost.0,
            cost_usd: usd(cost),
            unpriced: row.made().any(|entry| entry.cost.is_none() && !is_priced(entry, &corrections)),
            estimated: row.made().any(is_estimated),
            attempts: row.made().map(|entry| AttemptView::of(entry, raw)).collect(),
            corrections: corrections.iter().map(|(entry, _)| CorrectionView::of(entry)).collect(),
        }
    }
}

impl AttemptView {
    fn of(entry: &Entry, raw: bool) -> Self {
        let subject = &entry.subject;
        let raw_usage = entry.raw_usage.as_deref().filter(|_| raw);
        Self {
            number: subject.attempt.number,
            at: Moment(subject.at),
            provider: subject.provider_name.to_string(),
            key: subject.credential_name.to_string(),
            model: subject.model.to_string(),
            streamed: subject.streamed,
            outcome: entry.outcome.as_str(),
            status: entry.status,
            usage: if entry.outcome == AttemptOutcome::Unsettled { Value::Null } else { buckets(&entry.usage) },
            source: entry.source.as_str(),
            cost_nanodollars: entry.cost.map(|cost| cost.0),
            cost_usd: entry.cost.map(usd),
            reserved_nanodollars: subject.reserved.map(|reserved| reserved.0),
            price_version: subject.price_version.to_string(),
            duration_ms: u64::try_from(entry.duration.as_millis()).unwrap_or(u64::MAX),
            first_content_ms: entry.first_content.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
            overhead_us: u64::try_from(entry.overhead.as_micros()).unwrap_or(u64::MAX),
            raw_usage: raw_usage.map(|raw| serde_json::from_str(raw).unwrap_or_else(|_| Value::from(raw))),
        }
    }
}

impl CorrectionView {
    /// The view of a correction.
    pub(super) fn of(entry: &Entry) -> Self {
        let (note, amount) = (entry.correction(), entry.cost.unwrap_or_default());
        Self {
            number: entry.subject.attempt.number,
            corrects: note.as_ref().map_or(0, |note| note.corrects),
            made_at: note.as_ref().map(|note| Moment(note.made_at)),
            repriced: note.as_ref().is_some_and(|note| note.repriced),
            reason: note.map(|note| note.reason).unwrap_or_default(),
            amount_nanodollars: amount.0,
            amount_usd: usd(amount),
            price_version: entry.subject.price_version.to_string(),
        }
    }
}

/// Whether a correction gave the attempt its price.
fn is_priced(attempt: &Entry, corrections: &[(&Entry, Correction)]) -> bool {
    corrections.iter().any(|(_, note)| note.prices && note.corrects == attempt.subject.attempt.number)
}

fn is_estimated(entry: &Entry) -> bool {
    matches!(entry.source, UsageSource::Estimated | UsageSource::Partial)
}

fn buckets(usage: &Usage) -> Value {
    let mut buckets = serde_json::to_value(usage).unwrap_or_default();
    if let Some(parts) = buckets.as_object_mut() {
        parts.retain(|_, units| units != 0);
    }
    buckets
}

fn name_of(id: TokenId, records: &Records) -> Option<String> {
    records.virtual_keys.iter().find(|key| key.id == id).map(|key| key.name.clone())
}
