//! The columns of an export. Programs read them: names and order stay, new ones go to the end.

use std::collections::HashMap;
use std::iter;

use keyward_domain::ids::{CredentialId, TeamId, TenantId, UserId};
use keyward_domain::ledger::{Attributed, Entry};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::Records;
use keyward_domain::tenancy::DEFAULT_TENANT;
use keyward_domain::token::TokenId;
use serde_json::Value;

use super::text::quoted;
use crate::field::{Moment, usd};

pub(super) const CSV: &str = "text/csv; charset=utf-8";
pub(super) const JSON_LINES: &str = "application/x-ndjson";

/// What people call those that rows name by id, as far as there is a record of them.
pub(super) struct Names {
    tenants: HashMap<TenantId, String>,
    teams: HashMap<TeamId, String>,
    users: HashMap<UserId, String>,
    virtual_keys: HashMap<TokenId, String>,
}

impl Names {
    pub(super) fn of(records: &Records) -> Self {
        Self {
            // The default tenant is there without a record.
            tenants: iter::once((TenantId::DEFAULT, DEFAULT_TENANT.to_owned()))
                .chain(records.tenants.iter().map(|tenant| (tenant.id, tenant.name.clone())))
                .collect(),
            teams: records.teams.iter().map(|team| (team.id, team.name.clone())).collect(),
            users: records.users.iter().map(|user| (user.id, user.name.clone())).collect(),
            virtual_keys: records.virtual_keys.iter().map(|key| (key.id, key.name.clone())).collect(),
        }
    }
}

/// What stands in one column of one row.
enum Cell {
    Nothing,
    Text(String),
    Number(i128),
    Flag(bool),
    List(Vec<String>),
    /// The provider's own usage object, or what a correction says of itself.
    Json(String),
}

type Column = (&'static str, fn(&Entry, &Names) -> Cell);

const COLUMNS: &[Column] = &[
    ("request", |entry, _| text(&entry.subject.attempt.request)),
    ("attempt", |entry, _| number(entry.subject.attempt.number)),
    ("at", |entry, _| text(&Moment(entry.subject.at))),
    ("outcome", |entry, _| text(entry.outcome.as_str())),
    ("cost_usd", |entry, _| dollars(entry.cost)),
    ("cost_nanodollars", |entry, _| nanodollars(entry.cost)),
    ("tenant", |entry, _| text(&entry.subject.tenant)),
    ("tenant_name", |entry, names| known(names.tenants.get(&entry.subject.tenant))),
    ("team", |entry, _| maybe(to(entry).and_then(|to| to.team))),
    ("team_name", |entry, names| known(to(entry).and_then(|to| names.teams.get(&to.team?)))),
    ("user", |entry, _| maybe(to(entry).and_then(|to| to.user))),
    ("user_name", |entry, names| known(to(entry).and_then(|to| names.users.get(&to.user?)))),
    ("end_user", |entry, _| maybe(to(entry).and_then(|to| to.end_user.as_ref()))),
    ("tags", |entry, _| Cell::List(to(entry).into_iter().flat_map(|to| &to.tags).map(ToString::to_string).collect())),
    ("virtual_key", |entry, _| text(&entry.subject.virtual_key)),
    ("virtual_key_name", |entry, names| known(names.virtual_keys.get(&entry.subject.virtual_key))),
    ("provider", |entry, _| text(&entry.subject.provider_name)),
    ("provider_id", |entry, _| text(&entry.subject.provider)),
    ("key", |entry, _| text(&entry.subject.credential_name)),
    (
        "key_id",
        |entry, _| if entry.subject.credential == NO_KEY { Cell::Nothing } else { text(&entry.subject.credential) },
    ),
    ("requested_model", |entry, _| text(&entry.subject.requested_model)),
    ("model", |entry, _| text(&entry.subject.model)),
    ("dialect", |entry, _| text(entry.subject.dialect.as_str())),
    ("operation", |entry, _| text(entry.subject.operation.as_str())),
    ("streamed", |entry, _| Cell::Flag(entry.subject.streamed)),
    ("status", |entry, _| number(entry.status)),
    ("source", |entry, _| text(entry.source.as_str())),
    ("reserved_usd", |entry, _| dollars(entry.subject.reserved)),
    ("reserved_nanodollars", |entry, _| nanodollars(entry.subject.reserved)),
    ("price_version", |entry, _| text(&entry.subject.price_version)),
    ("duration_us", |entry, _| micros(Some(entry.duration))),
    ("first_content_us", |entry, _| micros(entry.first_content)),
    ("overhead_us", |entry, _| micros(Some(entry.overhead))),
    ("input_uncached_tokens", |entry, _| number(entry.usage.input_uncached)),
    ("cache_read_tokens", |entry, _| number(entry.usage.cache_read)),
    ("cache_write_5m_tokens", |entry, _| number(entry.usage.cache_write_5m)),
    ("cache_write_1h_tokens", |entry, _| number(entry.usage.cache_write_1h)),
    ("input_audio_tokens", |entry, _| number(entry.usage.input_audio)),
    ("input_image_tokens", |entry, _| number(entry.usage.input_image)),
    ("output_tokens", |entry, _| number(entry.usage.output)),
    ("reasoning_tokens", |entry, _| number(entry.usage.reasoning)),
    ("output_audio_tokens", |entry, _| number(entry.usage.output_audio)),
    ("output_image_tokens", |entry, _| number(entry.usage.output_image)),
    ("images", |entry, _| number(entry.usage.images)),
    ("input_audio_ms", |entry, _| number(entry.usage.input_audio_ms)),
    ("input_characters", |entry, _| number(entry.usage.input_characters)),
    ("searches", |entry, _| number(entry.usage.searches)),
    ("raw_usage", |entry, _| entry.raw_usage.as_deref().map_or(Cell::Nothing, |raw| Cell::Json(raw.to_owned()))),
];

/// A provider that needs no key has none.
const NO_KEY: CredentialId = CredentialId::from_bits(0);

/// The names of the columns.
pub(super) fn csv_head() -> String {
    COLUMNS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(",") + "\r\n"
}

/// A row as a line of CSV. A cell without a value is empty; several tags stand in one cell with spaces between.
pub(super) fn csv(entry: &Entry, names: &Names, into: &mut String) {
    for (at, (_, cell)) in COLUMNS.iter().enumerate() {
        if at > 0 {
            into.push(',');
        }
        match cell(entry, names) {
            Cell::Nothing => {}
            // Numbers are ours: a minus sign before them is no formula.
            Cell::Number(number) => into.push_str(&number.to_string()),
            Cell::Flag(flag) => into.push_str(if flag { "true" } else { "false" }),
            Cell::Text(text) | Cell::Json(text) => into.push_str(&quoted(&text)),
            Cell::List(list) => into.push_str(&quoted(&list.join(" "))),
        }
    }
    into.push_str("\r\n");
}

/// A row as an object with the same names in the same order.
pub(super) fn json_line(entry: &Entry, names: &Names, into: &mut String) {
    for (at, (name, cell)) in COLUMNS.iter().enumerate() {
        into.push_str(if at == 0 { "{\"" } else { ",\"" });
        into.push_str(name);
        into.push_str("\":");
        let value = match cell(entry, names) {
            Cell::Nothing => "null".to_owned(),
            Cell::Number(number) => number.to_string(),
            Cell::Flag(flag) => flag.to_string(),
            Cell::Text(text) => Value::from(text).to_string(),
            Cell::List(list) => Value::from(list).to_string(),
            // As one line, whatever the provider's own was.
            Cell::Json(raw) => serde_json::from_str(&raw).unwrap_or(Value::from(raw)).to_string(),
        };
        into.push_str(&value);
    }
    into.push_str("}\n");
}

fn to(entry: &Entry) -> Option<&Attributed> {
    entry.subject.attributed.as_deref()
}

fn text(value: &(impl ToString + ?Sized)) -> Cell {
    Cell::Text(value.to_string())
}

fn maybe(value: Option<impl ToString>) -> Cell {
    value.map_or(Cell::Nothing, |value| Cell::Text(value.to_string()))
}

fn known(name: Option<&String>) -> Cell {
    maybe(name)
}

fn number(value: impl Into<i128>) -> Cell {
    Cell::Number(value.into())
}

fn dollars(amount: Option<Nanodollars>) -> Cell {
    amount.map_or(Cell::Nothing, |amount| Cell::Text(usd(amount)))
}

fn nanodollars(amount: Option<Nanodollars>) -> Cell {
    amount.map_or(Cell::Nothing, |amount| Cell::Number(amount.0.into()))
}

fn micros(length: Option<std::time::Duration>) -> Cell {
    length.map_or(Cell::Nothing, |length| Cell::Number(i128::try_from(length.as_micros()).unwrap_or(i128::MAX)))
}
