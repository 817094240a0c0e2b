//! `keyward lease report`.

use serde_json::json;

use super::As;
use crate::cli::failure::Failure;
use crate::cli::session::Session;

/// Which lease, and how it went.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its id.
    lease: String,
    /// In a word.
    #[arg(long, value_enum, default_value_t = Outcome::Succeeded)]
    outcome: Outcome,
    /// Prompt tokens that no cache served.
    #[arg(long, value_name = "TOKENS", default_value_t = 0)]
    input: u64,
    /// Prompt tokens read from the provider's cache.
    #[arg(long, value_name = "TOKENS", default_value_t = 0)]
    cached: u64,
    /// Answer tokens.
    #[arg(long, value_name = "TOKENS", default_value_t = 0)]
    output: u64,
    /// The provider's HTTP status, when it failed.
    #[arg(long)]
    status: Option<u16>,
    /// When the provider asked to come back, in seconds.
    #[arg(long, value_name = "SECONDS")]
    retry_after: Option<u64>,
    #[command(flatten)]
    by: As,
}

/// How it went.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
enum Outcome {
    /// It served.
    Succeeded,
    /// The provider said: too fast.
    RateLimited,
    /// It failed otherwise.
    Failed,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::RateLimited => "rate_limited",
            Self::Failed => "failed",
        }
    }
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let report = json!({
        "outcome": args.outcome.as_str(), "status": args.status, "retry_after_seconds": args.retry_after,
        "usage": { "input_tokens": args.input, "cache_read_tokens": args.cached, "output_tokens": args.output },
    });
    let ended = args.by.ask(session, "POST", format!("/v1/leases/{}/report", args.lease), Some(&report))?;
    session.output.show(&ended, |output, ended| {
        let cost = ended["cost_usd"].as_str().map_or_else(|| "of unknown cost".to_owned(), |cost| format!("${cost}"));
        output.line(&format!("Reported: {} ({cost}).", ended["outcome"].as_str().unwrap_or_default()));
    });
    Ok(())
}
