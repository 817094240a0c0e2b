//! `keyward lease take`.

use serde_json::json;

use super::As;
use crate::cli::failure::Failure;
use crate::cli::output::Tone;
use crate::cli::session::Session;

/// What for, and how long.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model, as a call would name it.
    #[arg(required_unless_present = "provider")]
    model: Option<String>,
    /// The provider.
    #[arg(long)]
    provider: Option<String>,
    /// How long, in seconds; at most an hour.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    ttl: Option<u64>,
    /// Tokens that will be sent, at most.
    #[arg(long, value_name = "TOKENS")]
    max_input: Option<u64>,
    /// Tokens that will be answered, at most.
    #[arg(long, value_name = "TOKENS")]
    max_output: Option<u64>,
    #[command(flatten)]
    by: As,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let wish = json!({
        "model": args.model, "provider": args.provider, "ttl_seconds": args.ttl,
        "max_input_tokens": args.max_input, "max_output_tokens": args.max_output,
    });
    let lease = args.by.ask(session, "POST", "/v1/leases".to_owned(), Some(&wish))?;
    session.output.show(&lease, |output, lease| {
        let text = |field: &str| lease[field].as_str().unwrap_or_default().to_owned();
        output.line(&output.paint(Tone::Strong, &text("id")));
        output.fields(&[
            ("provider", text("provider")),
            ("model", text("model")),
            ("key", text("key")),
            ("base URL", text("base_url")),
            ("expires", text("expires_at")),
            ("secret", text("secret")),
        ]);
        output.note("Say how it went with `keyward lease report`, or give it back with `keyward lease return`.");
    });
    Ok(())
}
