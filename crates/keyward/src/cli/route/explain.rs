//! `keyward route explain`.

use keyward_admin::client::Ask;
use serde_json::Value;

use crate::cli::failure::Failure;
use crate::cli::health::percent;
use crate::cli::output::{Output, Tone, clean};
use crate::cli::session::Session;
use crate::cli::table::Table;

/// Which model.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What a client would send as `model`: an alias, `provider/model`, or a bare name.
    model: String,
    /// Whether this virtual key may: its name or id.
    #[arg(long, value_name = "NAME")]
    vkey: Option<String>,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let ask = Ask::get(&["routes", "explain"]).query("model", Some(&args.model)).query("vkey", args.vkey.as_deref());
    let route = session.call(ask)?;
    session.output.show(&route, print);
    // What nobody would serve is something that was found.
    if route["served_by"].is_null() { Err(Failure::found()) } else { Ok(()) }
}

fn print(output: Output, route: &Value) {
    output.line(&verdict(output, route));
    let targets = route["targets"].as_array().map_or(&[][..], Vec::as_slice);
    if targets.len() > 1 {
        let order = match route["order"].as_str().unwrap_or_default() {
            "weighted" => "by chance, in proportion to the weights",
            "cost_optimized" => "the cheapest for the call first",
            "latency" => "the quickest of late first",
            _ => "in the order listed",
        };
        output.line(&output.paint(Tone::Faint, &format!("Tried {order}:")));
    }
    for (number, target) in (1..).zip(targets) {
        describe(output, &format!("{number}."), target);
    }
    for fallback in route["fallbacks"].as_array().into_iter().flatten() {
        let class = fallback["class"].as_str().unwrap_or_default();
        output.line(&format!("On failure ({}):", clean(class)));
        for target in fallback["targets"].as_array().into_iter().flatten() {
            describe(output, "->", target);
        }
    }
}

fn verdict(output: Output, route: &Value) -> String {
    let text = |value: &Value| clean(value.as_str().unwrap_or_default());
    let model = text(&route["model"]);
    let instead: Vec<_> = route["instead"].as_array().into_iter().flatten().map(text).collect();
    let bad = |why: &str| output.paint(Tone::Bad, why);
    if let Some(refused) = route["refused"].as_str() {
        return bad(&format!("`{model}` would be refused to `{}`: {}.", text(&route["vkey"]), clean(refused)));
    }
    match (route["leads"].as_str().unwrap_or_default(), &route["served_by"]) {
        ("ambiguous", _) => bad(&format!("Several providers have `{model}`: write one of {}.", instead.join(", "))),
        ("nowhere", _) if instead.is_empty() => bad(&format!("Nobody offers `{model}`.")),
        ("nowhere", _) => bad(&format!("Nobody offers `{model}`; similar: {}.", instead.join(", "))),
        (_, Value::Null) => bad(&format!("Nobody would serve `{model}` now.")),
        (_, served) => {
            let key = served["key"]
                .as_str()
                .map_or_else(|| " without a key".to_owned(), |key| format!(" with the key {}", clean(key)));
            let by =
                served["by_fallback"].as_str().map(|class| format!(", as a fallback ({class})")).unwrap_or_default();
            let whole = format!("`{model}` would be served by {}{key}{by}.", text(&served["deployment"]));
            output.paint(Tone::Good, &whole)
        }
    }
}

fn describe(output: Output, mark: &str, target: &Value) {
    let text = |field: &str| clean(target[field].as_str().unwrap_or_default());
    let mut notes = vec![text("strategy")];
    notes.extend(target["weight"].as_u64().filter(|weight| *weight != 1).map(|weight| format!("weight {weight}")));
    notes.push(
        target["typical_cost_usd"]
            .as_str()
            .map_or_else(|| "price unknown".to_owned(), |cost| format!("a typical call up to {cost} USD")),
    );
    notes.extend(target["at_once"].as_u64().map(|most| format!("takes {most} calls at once")));
    if target["allowed"] == false {
        notes.push("not allowed for this virtual key".to_owned());
    }
    if target["keyless"] == true {
        notes.push("needs no key".to_owned());
    }
    output.line(&format!("{mark} {} ({})", output.paint(Tone::Strong, &text("deployment")), notes.join(", ")));
    let mut table =
        Table::of(&["  KEY", "", "ACCOUNT", "TIER", "WEIGHT", "CIRCUIT", "UNDER WAY", "MS", "FAILING", "ROOM", "WHY"]);
    for key in target["keys"].as_array().into_iter().flatten() {
        let text = |field: &str| key[field].as_str().unwrap_or_default().to_owned();
        let choice = text("choice");
        let tone = match choice.as_str() {
            "chosen" => Tone::Good,
            "ready" => Tone::Faint,
            _ => Tone::Warning,
        };
        let back = key["back"].as_str().map(|back| format!("; back {back}")).unwrap_or_default();
        table.toned_row([
            (format!("  {}", text("name")), None),
            (choice, Some(tone)),
            (key["account"].to_string(), None),
            (key["tier"].to_string(), None),
            (key["weight"].to_string(), None),
            (text("circuit"), None),
            (key["in_flight"].to_string(), None),
            (key["latency_ms"].as_u64().map_or_else(|| "-".to_owned(), |ms| ms.to_string()), None),
            (percent(&key["failing_permille"]), None),
            (percent(&key["room_permille"]), None),
            (text("detail") + &back, None),
        ]);
    }
    if !table.is_empty() {
        output.table(&table, "");
    } else if target["keyless"] != true {
        output.line("  no keys");
    }
}
