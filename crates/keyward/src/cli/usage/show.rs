//! `keyward usage`: sums.

use keyward_admin::client::Ask;
use serde_json::Value;

use crate::cli::failure::Failure;
use crate::cli::output::{Output, Tone};
use crate::cli::session::Session;
use crate::cli::table::{Align, Table};

/// Over what, summed by what.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// From when on: 24h, 7d, 4w, a date or a moment [default: the last 30 days].
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Up to when [default: now].
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// Whose hours, days, weeks and months count, such as Asia/Seoul [default: UTC].
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// What to sum by: hour, day, week, month, tenant, team, user, end_user, tag, virtual_key, provider, credential, model,
    /// dialect or operation; several with commas.
    #[arg(long, value_name = "DIMENSIONS")]
    group_by: Option<String>,
    /// How to write it.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// How to write usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Columns for people.
    Table,
    /// JSON, the same as --json.
    Json,
    /// One JSON object per line.
    Jsonl,
    /// CSV for spreadsheets.
    Csv,
}

impl Format {
    /// What the server is asked for when it is not an object.
    fn of_text(self) -> Option<&'static str> {
        match self {
            Self::Table | Self::Json => None,
            Self::Jsonl => Some("jsonl"),
            Self::Csv => Some("csv"),
        }
    }
}

/// Figure, its field, and whether it is text already.
const FIGURES: [(&str, &str); 8] = [
    ("ATTEMPTS", "attempts"),
    ("FAILED", "failures"),
    ("PROMPT", "prompt_tokens"),
    ("CACHED", "cache_read_tokens"),
    ("ANSWER", "completion_tokens"),
    ("COST USD", "cost_usd"),
    ("NO PRICE", "unpriced"),
    ("ESTIMATED", "estimated"),
];

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let ask = Ask::get(&["usage"])
        .query("since", args.since.as_deref())
        .query("until", args.until.as_deref())
        .query("group_by", args.group_by.as_deref())
        .query("zone", args.zone.as_deref())
        .query("format", args.format.of_text());
    let report = session.call(ask)?;
    match (args.format, report.as_str()) {
        (Format::Csv | Format::Jsonl, Some(text)) => session.output.line(text.trim_end()),
        (Format::Json, _) => session.output.value(&report),
        _ => session.output.show(&report, print),
    }
    Ok(())
}

fn print(output: Output, report: &Value) {
    let dimensions: Vec<&str> = report["group_by"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let headings: Vec<(String, Align)> = dimensions.iter().map(|name| (name.to_uppercase(), Align::Left)).collect();
    let figures = FIGURES.iter().map(|(name, _)| ((*name).to_owned(), Align::Right));
    let mut table = Table::new(headings.into_iter().chain(figures));
    let lines = report["lines"].as_array().map_or(&[][..], Vec::as_slice);
    for line in lines {
        let group = dimensions.iter().map(|name| (text(&line["group"][*name]), None));
        table.toned_row(group.chain(figures_of(line)));
    }
    if (lines.len() > 1 || report["overlapping"] == true) && !dimensions.is_empty() {
        let labels = (0..dimensions.len()).map(|index| if index == 0 { "total".to_owned() } else { String::new() });
        table.toned_row(labels.map(|label| (label, Some(Tone::Strong))).chain(figures_of(&report["total"])));
    }
    let zone = text(&report["zone"]);
    output.line(&format!("{} to {} (days of {zone})", text(&report["since"]), text(&report["until"])));
    output.table(&table, "Nothing was used.");
    if report["overlapping"] == true {
        output.line("Calls with several tags count in the line of each; the total counts them once.");
    }
}

fn figures_of(line: &Value) -> impl Iterator<Item = (String, Option<Tone>)> {
    FIGURES.iter().map(|(name, field)| {
        let value = text(&line[*field]);
        let alarming = matches!(*name, "NO PRICE") && value != "0";
        (value, alarming.then_some(Tone::Warning))
    })
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
