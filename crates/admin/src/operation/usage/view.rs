use std::collections::BTreeMap;
use std::str::FromStr;

use keyward_domain::ids::TenantId;
use keyward_domain::ledger::{Dimension, UsageQuery, UsageRow};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::Records;
use keyward_domain::tenancy::DEFAULT_TENANT;
use keyward_domain::time::Timestamp;
use keyward_domain::usage::Usage;
use keyward_domain::window::Zone;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::AdminError;
use crate::field::{GroupBy, Moment, usd};

/// How the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    JsonLines,
    Csv,
    Table,
}

/// Usage over a range.
#[derive(Debug, Serialize, ToSchema)]
pub struct UsageReport {
    /// From when on.
    pub since: Moment,
    /// Up to when, exclusive.
    pub until: Moment,
    /// Whose hours, days, weeks and months these are.
    pub zone: String,
    /// What the lines are summed by, in order.
    pub group_by: Vec<&'static str>,
    /// Whether an attempt may count in several lines, because it has several tags. The total counts it once.
    pub overlapping: bool,
    /// One line per combination that occurred.
    pub lines: Vec<UsageLine>,
    /// Everything together, each attempt once.
    pub total: UsageLine,
    #[serde(skip)]
    #[schema(ignore)]
    pub(super) format: Format,
}

/// Sums over some attempts.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct UsageLine {
    /// The value of each dimension asked for.
    pub group: BTreeMap<&'static str, String>,
    /// Attempts.
    pub attempts: u64,
    /// Attempts that did not complete.
    pub failures: u64,
    /// All prompt tokens.
    pub prompt_tokens: u64,
    /// Of them, read from the provider's prompt cache.
    pub cache_read_tokens: u64,
    /// Of them, written to the provider's prompt cache.
    pub cache_write_tokens: u64,
    /// All answer tokens.
    pub completion_tokens: u64,
    /// Of them, reasoning.
    pub reasoning_tokens: u64,
    /// Images made, where they are billed by the piece.
    pub images: u64,
    /// What it cost, as far as prices are known, in nano-dollars.
    pub cost_nanodollars: i64,
    /// The same in dollars.
    pub cost_usd: String,
    /// Attempts whose price is unknown: their cost is missing above.
    pub unpriced: u64,
    /// Attempts whose figures are estimated or partial.
    pub estimated: u64,
}

impl Format {
    pub(super) fn parse(word: Option<&str>) -> Result<Self, AdminError> {
        match word {
            None | Some("json") => Ok(Self::Json),
            Some("jsonl") => Ok(Self::JsonLines),
            Some("csv") => Ok(Self::Csv),
            Some("table") => Ok(Self::Table),
            Some(_) => Err(AdminError::invalid_field("format", "format is `json`, `jsonl`, `csv` or `table`")),
        }
    }
}

impl UsageReport {
    pub(super) fn of(
        rows: &[UsageRow],
        whole: Option<&UsageRow>,
        group_by: &GroupBy,
        records: &Records,
        query: &UsageQuery,
        format: Format,
    ) -> Self {
        let lines = rows.iter().map(|row| {
            let values = group_by.0.iter().zip(&row.group);
            let named = values
                .map(|(dimension, value)| (GroupBy::word(*dimension), named(*dimension, value, records, &query.zone)));
            UsageLine::of(row, named.collect())
        });
        Self {
            since: Moment(query.since),
            until: Moment(query.until),
            zone: query.zone.to_string(),
            group_by: group_by.0.iter().map(|dimension| GroupBy::word(*dimension)).collect(),
            overlapping: group_by.0.contains(&Dimension::Tag),
            lines: lines.collect(),
            total: UsageLine::of(&whole.cloned().unwrap_or_else(|| total(rows)), BTreeMap::new()),
            format,
        }
    }
}

impl UsageLine {
    fn of(row: &UsageRow, group: BTreeMap<&'static str, String>) -> Self {
        let usage = &row.usage;
        Self {
            group,
            attempts: row.attempts,
            failures: row.failures,
            prompt_tokens: usage.prompt_tokens(),
            cache_read_tokens: usage.cache_read,
            cache_write_tokens: usage.cache_write_5m.saturating_add(usage.cache_write_1h),
            completion_tokens: usage.completion_tokens(),
            reasoning_tokens: usage.reasoning,
            images: usage.images,
            cost_nanodollars: row.cost.0,
            cost_usd: usd(row.cost),
            unpriced: row.unpriced,
            estimated: row.estimated,
        }
    }
}

fn total(rows: &[UsageRow]) -> UsageRow {
    let blank = UsageRow {
        group: Vec::new(),
        attempts: 0,
        failures: 0,
        usage: Usage::default(),
        cost: Nanodollars::ZERO,
        unpriced: 0,
        estimated: 0,
    };
    rows.iter().fold(blank, |mut sum, row| {
        sum.attempts += row.attempts;
        sum.failures += row.failures;
        sum.cost = sum.cost + row.cost;
        sum.unpriced += row.unpriced;
        sum.estimated += row.estimated;
        add(&mut sum.usage, &row.usage);
        sum
    })
}

/// Adds the buckets that a line shows.
fn add(sum: &mut Usage, more: &Usage) {
    sum.input_uncached += more.input_uncached + more.input_audio + more.input_image;
    sum.cache_read += more.cache_read;
    sum.cache_write_5m += more.cache_write_5m + more.cache_write_1h;
    sum.output += more.output + more.output_audio + more.output_image;
    sum.reasoning += more.reasoning;
    sum.images += more.images;
}

/// The name that people know for what a row calls by id or by number.
fn named(dimension: Dimension, value: &str, records: &Records, zone: &Zone) -> String {
    if dimension.period().is_some() {
        let at = value.parse().map(Timestamp::from_unix_millis);
        return at.map_or_else(|_| value.to_owned(), |at| zone.written(at));
    }
    known(dimension, value, records).unwrap_or_else(|| value.to_owned())
}

fn known(dimension: Dimension, value: &str, records: &Records) -> Option<String> {
    match dimension {
        Dimension::Tenant => find(value, &records.tenants, |tenant| (tenant.id, &tenant.name))
            // It is there without a record.
            .or_else(|| (value == TenantId::DEFAULT.to_string()).then(|| DEFAULT_TENANT.to_owned())),
        Dimension::Team => find(value, &records.teams, |team| (team.id, &team.name)),
        Dimension::User => find(value, &records.users, |user| (user.id, &user.name)),
        Dimension::VirtualKey => find(value, &records.virtual_keys, |key| (key.id, &key.name)),
        Dimension::Credential => find(value, &records.credentials, |key| (key.id, &key.name)),
        _ => None,
    }
}

fn find<T, Id: FromStr + PartialEq>(value: &str, among: &[T], of: fn(&T) -> (Id, &String)) -> Option<String> {
    let id = value.parse().ok()?;
    among.iter().map(of).find(|(known, _)| *known == id).map(|(_, name)| name.clone())
}
