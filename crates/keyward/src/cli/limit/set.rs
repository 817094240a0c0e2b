//! `keyward limit set`.

use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::session::{Session, present, put};

/// On what, and how much of what.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What it is set on: global, tenant:NAME, team:NAME, user:NAME, end_user:ID, vkey:NAME, tag:NAME, provider:NAME,
    /// key:PROVIDER/NAME, model:PROVIDER/MODEL, or for each of a kind each:user, each:team and so on.
    scope: String,
    /// Requests per minute.
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true, value_parser = number)]
    rpm: Option<u64>,
    /// Tokens per minute, input and output.
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true, value_parser = number)]
    tpm: Option<u64>,
    /// Requests per second.
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true, value_parser = number)]
    rps: Option<u64>,
    /// Requests per hour.
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true, value_parser = number)]
    rph: Option<u64>,
    /// Requests per day.
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true, value_parser = number)]
    rpd: Option<u64>,
    /// Calls in flight at once.
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true, value_parser = number)]
    concurrency: Option<u64>,
    /// What is counted: requests, input_tokens, output_tokens, tokens (both) or concurrency.
    #[arg(long, value_name = "METER")]
    meter: Option<String>,
    /// How much of it; 0 blocks everything.
    #[arg(long, value_name = "NUMBER", requires = "meter", allow_negative_numbers = true, value_parser = number)]
    quota: Option<u64>,
    /// Within which length of time: second, minute, hour or day.
    #[arg(long, value_name = "PERIOD", requires = "meter")]
    per: Option<String>,
    /// So much at once, and the quota evenly spread [default: at most the quota in any stretch of the period].
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true, value_parser = number)]
    burst: Option<u64>,
    /// Take the burst away.
    #[arg(long, conflicts_with = "burst")]
    no_burst: bool,
    /// Let everything pass and count what would have been refused.
    #[arg(long, conflicts_with = "enforce")]
    observe: bool,
    /// Act, as new limits do.
    #[arg(long)]
    enforce: bool,
    /// What happens while shared counters cannot be asked: local_share, closed or open [default: as before, else
    /// local_share].
    #[arg(long, value_name = "POLICY")]
    on_loss: Option<String>,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let named = args.named();
    if named.is_empty() {
        return Err(Failure::usage(
            "say how much of what, such as --rpm 100, --tpm 20000, --concurrency 8, or --meter output_tokens --quota 1000 \
             --per minute",
        ));
    }
    let mut set = Vec::new();
    for (meter, per, quota) in named {
        set.push(session.call(put(&["limits"], args.body(&meter, per.as_deref(), quota)))?);
    }
    session.output.show(&Value::Array(set), |output, limits| {
        limits.as_array().into_iter().flatten().for_each(|limit| super::describe(output, limit));
    });
    Ok(())
}

impl Args {
    /// Every limit that was named: meter, period and quota.
    fn named(&self) -> Vec<(String, Option<String>, Option<u64>)> {
        let short = [
            ("requests", Some("minute"), self.rpm),
            ("tokens", Some("minute"), self.tpm),
            ("requests", Some("second"), self.rps),
            ("requests", Some("hour"), self.rph),
            ("requests", Some("day"), self.rpd),
            ("concurrency", None, self.concurrency),
        ];
        let short = short.into_iter().filter(|(.., quota)| quota.is_some());
        let short = short.map(|(meter, per, quota)| (meter.to_owned(), per.map(str::to_owned), quota));
        let long = self.meter.iter().map(|meter| (meter.clone(), self.per.clone(), self.quota));
        short.chain(long).collect()
    }

    fn body(&self, meter: &str, per: Option<&str>, quota: Option<u64>) -> Value {
        let mode = if self.observe { Some("observe") } else { self.enforce.then_some("enforce") };
        let mut body = present(json!({
            "scope": self.scope,
            "meter": meter,
            "per": per,
            "quota": quota,
            "burst": self.burst,
            "mode": mode,
            "on_loss": self.on_loss,
        }));
        if self.no_burst {
            body["burst"] = Value::Null;
        }
        body
    }
}

/// A quota or a burst.
fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "write a whole number, such as 100; a quota of 0 blocks everything".to_owned())
}
