//! On which terms a key is used, as options of `add` and `update`.

use serde_json::{Map, Value, json};

use crate::cli::failure::Failure;

/// On which terms a key is used.
#[derive(Debug, clap::Args)]
pub struct Terms {
    /// The account whose limits the key shares; keys of one group rest together.
    #[arg(long, value_name = "NAME")]
    quota_group: Option<String>,
    /// Share of the traffic relative to the other keys, 1 to 1000.
    #[arg(long, value_name = "NUMBER")]
    weight: Option<u64>,
    /// Keys of a higher tier are used only when no key of a lower one can be, 0 to 255.
    #[arg(long, value_name = "NUMBER")]
    tier: Option<u64>,
    /// A model that it may be used for, as the provider names it, with `*` for any text [default: all].
    #[arg(long = "model", value_name = "PATTERN", value_delimiter = ',')]
    models: Option<Vec<String>>,
    /// A label for people and reports, such as plan=paid; all of them take the place of those before.
    #[arg(long = "tag", value_name = "NAME=VALUE", value_delimiter = ',')]
    tags: Option<Vec<String>>,
    /// Requests per minute at most.
    #[arg(long, value_name = "NUMBER")]
    rpm: Option<u64>,
    /// Tokens per minute at most, input and output.
    #[arg(long, value_name = "NUMBER")]
    tpm: Option<u64>,
    /// Requests per UTC day at most.
    #[arg(long, value_name = "NUMBER")]
    rpd: Option<u64>,
    /// Calls in flight at once, at most.
    #[arg(long, value_name = "NUMBER")]
    concurrency: Option<u64>,
    /// Cost per UTC day at most, in US dollars such as 100 or 12.50.
    #[arg(long, value_name = "USD")]
    daily_usd: Option<String>,
    /// From when it is no longer used: 2027-03-01 or 2027-03-01T09:30:00Z [default: never].
    #[arg(long, value_name = "MOMENT")]
    expires: Option<String>,
}

/// What is taken away again.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "one switch per field that can be taken away")]
pub struct Without {
    /// Make it a key of an account of its own.
    #[arg(long, conflicts_with = "quota_group")]
    no_quota_group: bool,
    /// Allow all models.
    #[arg(long, conflicts_with = "models")]
    all_models: bool,
    /// Take its labels away.
    #[arg(long, conflicts_with = "tags")]
    no_tags: bool,
    /// Lift the limit of requests per minute.
    #[arg(long, conflicts_with = "rpm")]
    no_rpm: bool,
    /// Lift the limit of tokens per minute.
    #[arg(long, conflicts_with = "tpm")]
    no_tpm: bool,
    /// Lift the limit of requests per day.
    #[arg(long, conflicts_with = "rpd")]
    no_rpd: bool,
    /// Lift the limit of calls in flight.
    #[arg(long, conflicts_with = "concurrency")]
    no_concurrency: bool,
    /// Lift the limit of cost per day.
    #[arg(long, conflicts_with = "daily_usd")]
    no_daily_usd: bool,
    /// Never let it expire.
    #[arg(long, conflicts_with = "expires")]
    no_expiry: bool,
}

impl Terms {
    /// As the `terms` of a request; empty when nothing was said.
    pub fn fields(&self) -> Result<Map<String, Value>, Failure> {
        let mut fields = said(&[
            ("quota_group", json!(self.quota_group)),
            ("weight", json!(self.weight)),
            ("tier", json!(self.tier)),
            ("models", json!(self.models)),
            ("expires_at", json!(self.expires)),
        ]);
        if let Some(tags) = &self.tags {
            fields.insert("tags".to_owned(), Value::Object(named(tags)?));
        }
        let limits = said(&[
            ("rpm", json!(self.rpm)),
            ("tpm", json!(self.tpm)),
            ("rpd", json!(self.rpd)),
            ("concurrency", json!(self.concurrency)),
            ("daily_usd", json!(self.daily_usd)),
        ]);
        if !limits.is_empty() {
            fields.insert("limits".to_owned(), Value::Object(limits));
        }
        Ok(fields)
    }
}

impl Without {
    /// Puts `null` where something is taken away.
    pub fn take_from(&self, fields: &mut Map<String, Value>) {
        let switches = [
            ("quota_group", self.no_quota_group),
            ("models", self.all_models),
            ("tags", self.no_tags),
            ("expires_at", self.no_expiry),
        ];
        fields.extend(nulls(&switches));
        let limits = nulls(&[
            ("rpm", self.no_rpm),
            ("tpm", self.no_tpm),
            ("rpd", self.no_rpd),
            ("concurrency", self.no_concurrency),
            ("daily_usd", self.no_daily_usd),
        ]);
        if limits.is_empty() {
            return;
        }
        if let Some(all) = fields.entry("limits").or_insert_with(|| json!({})).as_object_mut() {
            all.extend(limits);
        }
    }
}

fn said(fields: &[(&str, Value)]) -> Map<String, Value> {
    let there = fields.iter().filter(|(_, value)| !value.is_null());
    there.map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn nulls(switches: &[(&str, bool)]) -> Map<String, Value> {
    let set = switches.iter().filter(|(_, is_set)| *is_set);
    set.map(|(name, _)| ((*name).to_owned(), Value::Null)).collect()
}

fn named(tags: &[String]) -> Result<Map<String, Value>, Failure> {
    let named = tags.iter().map(|tag| {
        // Not repeated: whatever was typed may be a secret.
        let parts = tag.split_once('=').ok_or_else(|| Failure::usage("write a tag as `name=value`"))?;
        Ok((parts.0.to_owned(), json!(parts.1)))
    });
    named.collect()
}

/// What differs from the terms of a new key, in few words.
pub fn in_short(terms: &Value) -> String {
    let text = |name: &str, value: &Value| value.as_str().map(|text| format!("{name} {text}"));
    let number =
        |name: &str, value: &Value, new: u64| value.as_u64().filter(|n| *n != new).map(|n| format!("{name} {n}"));
    let limits = &terms["limits"];
    let models = terms["models"].as_array().filter(|models| !models.is_empty());
    let parts = [
        text("group", &terms["quota_group"]),
        number("tier", &terms["tier"], 0),
        number("weight", &terms["weight"], 1),
        text("until", &terms["expires_at"]).map(|end| end.trim_end_matches("T00:00:00Z").to_owned()),
        limit(limits),
        models.map(|models| format!("{} only", list(models))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The terms in names and values.
pub fn in_full(terms: &Value) -> Vec<(&'static str, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let tags = terms["tags"].as_object().into_iter().flatten();
    let tags = tags.map(|(name, value)| format!("{name}={}", text(value))).collect::<Vec<_>>();
    vec![
        ("quota group", text(&terms["quota_group"])),
        ("weight", terms["weight"].to_string()),
        ("tier", terms["tier"].to_string()),
        ("only for", terms["models"].as_array().map(|models| list(models)).unwrap_or_default()),
        ("limits", limit(&terms["limits"]).unwrap_or_default()),
        ("expires", text(&terms["expires_at"])),
        ("tags", tags.join(", ")),
    ]
}

fn limit(limits: &Value) -> Option<String> {
    let counted = [("rpm", "rpm"), ("tpm", "tpm"), ("rpd", "rpd"), ("concurrency", "at once")];
    let counted = counted.iter().filter_map(|(name, unit)| limits[*name].as_u64().map(|most| format!("{most} {unit}")));
    let cost = limits["daily_usd"].as_str().map(|most| format!("{most} USD a day"));
    let all: Vec<_> = counted.chain(cost).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

fn list(items: &[Value]) -> String {
    items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}
