//! `keyward model list`.

use serde_json::Value;

use crate::cli::failure::Failure;
use crate::cli::output::Tone;
use crate::cli::session::Session;
use crate::cli::table::{Align, Table};

/// Which models.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this provider's.
    #[arg(long)]
    provider: Option<String>,
    /// Only models whose name contains this.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only those whose price is known, free or unknown.
    #[arg(long, value_name = "known|free|unknown")]
    price: Option<String>,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let parameters =
        [("provider", args.provider.as_deref()), ("search", args.search.as_deref()), ("price", args.price.as_deref())];
    let models = session.list(&["models"], &parameters)?;
    session.output.show(&models, |output, models| {
        let left = ["MODEL", "ALIASES"].map(|name| (name.to_owned(), Align::Left));
        let right = ["KEYS", "IN USD/M", "OUT USD/M"].map(|name| (name.to_owned(), Align::Right));
        let mut table = Table::new(left.into_iter().chain(right).chain([("PRICE FROM".to_owned(), Align::Left)]));
        for model in models.as_array().into_iter().flatten() {
            let aliases = model["aliases"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let (input, answer, from) = super::price::columns(&model["price"]);
            let tone = (from == "unknown").then_some(Tone::Warning);
            table.toned_row([
                (model["id"].as_str().unwrap_or_default().to_owned(), None),
                (aliases.collect::<Vec<_>>().join(", "), None),
                (model["keys"].to_string(), None),
                (input, None),
                (answer, None),
                (from, tone),
            ]);
        }
        output.table(&table, "No key in use offers such a model. `keyward key list` shows the keys.");
    });
    Ok(())
}
