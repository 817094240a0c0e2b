//! `keyward budget set`.

use keyward_admin::client::Ask;
use keyward_admin::field::{LocalMoment, Moment};
use keyward_domain::window::Zone;
use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::session::{Session, present, put};

/// On what, how much, and per what.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "one switch per word of the command line")]
pub struct Args {
    /// What it is set on: global, tenant:NAME, team:NAME, user:NAME, end_user:ID, vkey:NAME, tag:NAME, provider:NAME,
    /// key:PROVIDER/NAME, model:PROVIDER/MODEL, or for each of a kind each:user, each:team and so on.
    scope: String,
    /// What may be spent within one window, in US dollars such as 500 or 12.50.
    #[arg(long, value_name = "USD", allow_hyphen_values = true)]
    usd: Option<String>,
    /// The window: hour, day, week, month, rolling:7d (the seven days that end now, also written 7d) or
    /// anchored:14d@2026-11-01 (fourteen days, one after the other).
    #[arg(long, value_name = "WINDOW")]
    per: Option<String>,
    /// Whose midnight counts, such as Asia/Seoul [default: as before, else UTC].
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// The first day of a week [default: as before, else monday].
    #[arg(long, value_name = "DAY")]
    week_starts: Option<String>,
    /// On which day windows of a month begin, 1 to 28 [default: as before, else 1].
    #[arg(long, value_name = "DAY", allow_hyphen_values = true)]
    month_day: Option<u64>,
    /// Tell somebody, refuse nothing.
    #[arg(long, conflicts_with = "hard")]
    soft: bool,
    /// Refuse calls that might cost more than what is left, as new budgets do.
    #[arg(long)]
    hard: bool,
    /// Let everything pass and count what would have been refused.
    #[arg(long, conflicts_with = "enforce")]
    observe: bool,
    /// Act, as new budgets do.
    #[arg(long)]
    enforce: bool,
    /// How much is reserved for calls that may become long: adaptive or strict [default: as before, else adaptive].
    #[arg(long, value_name = "HOW")]
    hold: Option<String>,
    /// Shares of the amount in percent at which somebody is told, such as 50,80,100.
    #[arg(long, value_name = "PERCENT", value_delimiter = ',')]
    alert_at: Option<Vec<String>>,
    /// Tell nobody.
    #[arg(long, conflicts_with = "alert_at")]
    no_alerts: bool,
    /// More money for a while, in US dollars.
    #[arg(long, value_name = "USD", requires = "until", allow_hyphen_values = true)]
    top_up: Option<String>,
    /// Up to when: 2026-12-01T00:00 in the budget's zone, or 2026-12-01T00:00:00Z.
    #[arg(long, value_name = "MOMENT", requires = "top_up")]
    until: Option<String>,
    /// Take the top-ups away that end at this moment, written like --until.
    #[arg(long, value_name = "MOMENT", conflicts_with = "no_top_ups")]
    remove_top_up: Option<String>,
    /// Take all top-ups away.
    #[arg(long)]
    no_top_ups: bool,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let budget = match &args.remove_top_up {
        Some(until) => without_top_up(args, until, session)?,
        None => session.call(put(&["budgets"], args.body()))?,
    };
    session.output.show(&budget, super::describe);
    Ok(())
}

impl Args {
    fn body(&self) -> Value {
        let kind = if self.soft { Some("soft") } else { self.hard.then_some("hard") };
        let mode = if self.observe { Some("observe") } else { self.enforce.then_some("enforce") };
        let alert_at = if self.no_alerts { Some(Vec::new()) } else { self.alert_at.clone() };
        let top_up = self.top_up.as_ref().map(|usd| json!({ "usd": usd, "until": self.until }));
        let top_ups = self.no_top_ups.then(|| json!([]));
        present(json!({
            "scope": self.scope,
            "per": self.per,
            "usd": self.usd,
            "zone": self.zone,
            "week_starts": self.week_starts,
            "month_day": self.month_day,
            "kind": kind,
            "mode": mode,
            "hold": self.hold,
            "alert_at": alert_at,
            "top_up": top_up,
            "top_ups": top_ups,
        }))
    }
}

/// The moment as the server writes it; what is none is left as it is, and found nowhere.
fn in_zone(moment: &str, zone: &Value) -> String {
    let at = || moment.parse::<LocalMoment>().ok()?.in_zone(&zone.as_str()?.parse::<Zone>().ok()?);
    at().map_or_else(|| moment.to_owned(), |at| Moment(at).to_string())
}

/// Reads the budget and sends its other top-ups back; the revision keeps a change in between from getting lost.
fn without_top_up(args: &Args, until: &str, session: &Session) -> Result<Value, Failure> {
    let before = session.call(Ask::get(&["budgets", &args.scope]).query("per", args.per.as_deref()))?;
    let until = in_zone(until, &before["zone"]);
    let (gone, kept): (Vec<_>, Vec<_>) =
        before["top_ups"].as_array().into_iter().flatten().cloned().partition(|top_up| top_up["until"] == *until);
    if gone.is_empty() {
        return Err(Failure::failed(format!(
            "no top-up of `{}` ends at {until}; `keyward budget show {0}` lists them",
            args.scope
        )));
    }
    let mut body = args.body();
    body["top_ups"] = Value::Array(kept);
    session.call(put(&["budgets"], body).if_match(before["revision"].as_u64()))
}
