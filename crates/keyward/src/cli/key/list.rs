//! `keyward key list`.

use crate::cli::failure::Failure;
use crate::cli::health;
use crate::cli::session::Session;
use crate::cli::table::Table;

/// Which keys.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this provider's.
    #[arg(long)]
    provider: Option<String>,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let keys = session.list(&["keys"], &[("provider", args.provider.as_deref())])?;
    session.output.show(&keys, |output, keys| {
        let mut table = Table::of(&["KEY", "STATE", "STANDING", "LOOKS LIKE", "MODELS", "LAST TEST", "FOUND", "TERMS"]);
        for key in keys.as_array().into_iter().flatten() {
            let text = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
            let state = text(&key["state"]);
            let tone = Some(super::tone_of_state(&state));
            let void = key["void"].as_bool().unwrap_or(false);
            let found = if void { "void: enter it again".to_owned() } else { text(&key["proof"]["finding"]) };
            table.toned_row([
                (super::full_name(key), None),
                (state, tone),
                health::standing(&key["health"]),
                (text(&key["hint"]), None),
                (key["model_count"].to_string(), None),
                (text(&key["proof"]["at"]), None),
                (found, None),
                (super::terms::in_short(&key["terms"]), None),
            ]);
        }
        output.table(&table, "There are no provider keys yet. `keyward key add openai` adds one.");
    });
    Ok(())
}
