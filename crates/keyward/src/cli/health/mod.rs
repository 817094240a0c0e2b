//! `keyward health`: which keys work, and how well.

mod check;
mod summary;
mod watch;

use serde_json::Value;

use super::failure::Failure;
use super::output::Tone;
use super::session::Session;
use super::status::length;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Validate the keys now, by calls that cost nothing. Exit code 3 when something is found.
    Check(check::Args),
    /// Show how well every key works.
    Summary(summary::Args),
    /// Show it live, until `q` or Ctrl-C.
    Watch(watch::Args),
}

pub fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::Check(args) => check::run(&args, session),
        Verb::Summary(args) => summary::run(&args, session),
        Verb::Watch(args) => watch::run(&args, session),
    }
}

/// A key's standing in a cell.
pub fn standing(health: &Value) -> (String, Option<Tone>) {
    let Some(standing) = health["standing"].as_str() else { return ("-".to_owned(), None) };
    let until = health["until"].as_str().map(|until| format!(" until {until}")).unwrap_or_default();
    (format!("{standing}{until}"), Some(tone_of_standing(standing)))
}

/// How good a standing is.
pub fn tone_of_standing(standing: &str) -> Tone {
    match standing {
        "active" => Tone::Good,
        "cooling" => Tone::Warning,
        _ => Tone::Bad,
    }
}

/// What is known of a key, field by field.
pub fn in_full(health: &Value) -> Vec<(&'static str, String)> {
    if health.is_null() {
        return Vec::new();
    }
    let text = |field: &str| health[field].as_str().unwrap_or_default().to_owned();
    let by =
        health["cause"]["by"].as_str().map(|by| format!(" (by {by}, since {})", text("since"))).unwrap_or_default();
    let models = health["models"].as_array().map_or(&[][..], Vec::as_slice);
    let resting = models.iter().filter(|model| model["standing"] != "active").map(|model| {
        let name = model["model"].as_str().unwrap_or_default();
        format!("{name} {}", standing(model).0)
    });
    let circuit = if health["circuit"] == "closed" { String::new() } else { text("circuit") };
    vec![
        ("standing", standing(health).0),
        ("because", text("reason") + &by),
        ("rests for", resting.collect::<Vec<_>>().join(", ")),
        ("circuit", circuit),
        ("calls", calls(health)),
        ("times", times(health)),
        ("left", room(health)),
        ("last proof", age(health)),
    ]
}

/// Calls and how they ended.
pub fn calls(health: &Value) -> String {
    let requests = health["requests"].as_u64().unwrap_or(0);
    let under_way = health["in_flight"].as_u64().filter(|calls| *calls > 0);
    let under_way = under_way.map(|calls| format!(", {calls} under way")).unwrap_or_default();
    if requests == 0 {
        return format!("none yet{under_way}");
    }
    let in_a_row = health["consecutive_failures"].as_u64().filter(|row| *row > 0);
    let in_a_row = in_a_row.map(|row| format!(", {row} in a row")).unwrap_or_default();
    format!(
        "{requests}, {} good, {} failed{in_a_row}{under_way}",
        percent(&health["success_permille"]),
        health["failures"]
    )
}

/// Times to the first content.
fn times(health: &Value) -> String {
    let latency = &health["latency"];
    if latency.is_null() {
        return String::new();
    }
    format!("p50 {} ms, p95 {} ms, p99 {} ms", latency["p50_ms"], latency["p95_ms"], latency["p99_ms"])
}

/// What is left of its provider's limits.
pub fn room(health: &Value) -> String {
    let meter = |meter: &Value| {
        let counts = meter["counts"].as_str().unwrap_or_default();
        let of = meter["limit"].as_u64().map(|limit| format!(" of {limit}")).unwrap_or_default();
        format!("{}{of} {counts}", meter["remaining"])
    };
    let meters = health["headroom"].as_array().into_iter().flatten();
    meters.map(meter).collect::<Vec<_>>().join(", ")
}

/// How old the last proof is.
pub fn age(health: &Value) -> String {
    health["proof_age_seconds"]
        .as_u64()
        .map_or_else(|| "never".to_owned(), |seconds| format!("{} ago", length(seconds)))
}

/// Thousandths as percent.
pub fn percent(permille: &Value) -> String {
    permille.as_u64().map_or_else(|| "-".to_owned(), |permille| format!("{}.{}%", permille / 10, permille % 10))
}
