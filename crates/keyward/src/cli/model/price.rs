//! `keyward model price`.

use keyward_admin::client::Ask;
use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::output::{Output, Tone};
use crate::cli::session::{Session, delete, present, put};

/// Which model, and what it costs. Without a price it is shown.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("change").multiple(true))]
pub struct Args {
    /// `provider/model`.
    model: String,
    /// US dollars per million prompt tokens, such as 2.50.
    #[arg(long, value_name = "USD", group = "change")]
    input: Option<String>,
    /// US dollars per million answer tokens.
    #[arg(long, value_name = "USD", group = "change")]
    output: Option<String>,
    /// US dollars per million prompt tokens read from the provider's cache.
    #[arg(long, value_name = "USD", group = "change")]
    cache_read: Option<String>,
    /// US dollars per million prompt tokens written to the provider's cache.
    #[arg(long, value_name = "USD", group = "change")]
    cache_write: Option<String>,
    /// US dollars per image made.
    #[arg(long, value_name = "USD", group = "change")]
    image: Option<String>,
    /// Declare that it costs nothing.
    #[arg(long, group = "change")]
    free: bool,
    /// Take the price away that was set; the catalog counts again.
    #[arg(long, conflicts_with = "change")]
    remove: bool,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let parts = args.model.split_once('/').filter(|(provider, model)| !provider.is_empty() && !model.is_empty());
    let (provider, model) = parts.ok_or_else(|| Failure::usage("write the model as `provider/model`"))?;
    let fields = present(json!({
        "input_usd_per_million": args.input,
        "output_usd_per_million": args.output,
        "cache_read_usd_per_million": args.cache_read,
        "cache_write_usd_per_million": args.cache_write,
        "image_usd": args.image,
        "free": args.free.then_some(true),
    }));
    let changes = fields.as_object().is_some_and(|fields| !fields.is_empty());
    if args.remove {
        let removed = session.call(delete(&["prices", provider, model]))?;
        session.output.show(&removed, |output, _| {
            output.line(&format!("The catalog's price counts again for `{}`.", args.model));
        });
        return Ok(());
    }
    if changes {
        session.call(put(&["prices", provider, model], fields))?;
    }
    let shown = session.call(Ask::get(&["models", provider, model]))?;
    session.output.show(&shown, print);
    Ok(())
}

fn print(output: Output, model: &Value) {
    let (input, answer, from) = columns(&model["price"]);
    output.line(&output.paint(Tone::Strong, model["id"].as_str().unwrap_or_default()));
    let rates = &model["price"]["rates"];
    let rest = rates["price"]["std"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| !["in", "out"].contains(&name.as_str()));
    let rest: Vec<String> = rest.filter_map(|(name, rate)| Some(format!("{name} {}", per_million(rate)?))).collect();
    output.fields(&[
        ("input, USD per million", input),
        ("output, USD per million", answer),
        ("others, USD per million", rest.join(", ")),
        ("says", from),
        ("keys that offer it", model["keys"].to_string()),
    ]);
}

/// Input and output in dollars per million tokens, and who says so.
pub fn columns(price: &Value) -> (String, String, String) {
    let rate = |name: &str| per_million(&price["rates"]["price"]["std"][name]).unwrap_or_else(|| "-".to_owned());
    match price["standing"].as_str() {
        Some("known") => (rate("in"), rate("out"), price["source"].as_str().unwrap_or_default().to_owned()),
        Some("free") => {
            let source = price["source"].as_str().unwrap_or_default();
            ("0".to_owned(), "0".to_owned(), format!("free ({source})"))
        }
        _ => ("?".to_owned(), "?".to_owned(), "unknown".to_owned()),
    }
}

/// Pico-dollars per token are millionths of a dollar per million tokens.
fn per_million(rate: &Value) -> Option<String> {
    let picodollars = rate.as_u64()?;
    let (whole, fraction) = (picodollars / 1_000_000, picodollars % 1_000_000);
    let fraction = format!("{fraction:06}");
    let trimmed = fraction.trim_end_matches('0');
    Some(format!("{whole}.{}", if trimmed.len() < 2 { &fraction[..2] } else { trimmed }))
}
