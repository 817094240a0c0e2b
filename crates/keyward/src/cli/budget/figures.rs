//! What was spent, in columns and bars.

use serde_json::Value;

use crate::cli::output::Tone;
use crate::cli::table::{Align, Table};

/// Cells of a bar.
const BAR: i128 = 10;

/// From this share of the limit on, in percent, a look is worth it.
const NEARLY: i128 = 80;

type Cell = (String, Option<Tone>);

/// The budgets as a table: what is spent, reserved and left, where it leads and when it begins anew. Of a budget on each
/// of a kind, a row for each of those who spent most. Bars are for terminals.
pub fn table(budgets: &Value, bars: bool) -> Table {
    let mut table = Table::new(
        [("SCOPE", Align::Left), ("PER", Align::Left), ("KIND", Align::Left)]
            .into_iter()
            .chain(columns(bars))
            .map(|(name, align)| (name.to_owned(), align)),
    );
    for budget in budgets.as_array().into_iter().flatten() {
        let head = [(text(budget, "scope"), None), (text(budget, "per"), None), kind(budget)];
        let lines = budget["balances"].as_array().map_or(&[][..], Vec::as_slice);
        match lines {
            [only] if only["scope"] == budget["scope"] => table.toned_row(head.into_iter().chain(figures(only, bars))),
            lines => {
                let limit = (text(budget, "usd_now"), None);
                table.toned_row(head.into_iter().chain([limit, (spenders(budget), Some(Tone::Faint))]));
                for line in lines {
                    let whose =
                        [(format!("  {}", text(line, "scope")), None), (String::new(), None), (String::new(), None)];
                    table.toned_row(whose.into_iter().chain(figures(line, bars)));
                }
            }
        }
    }
    table
}

/// The scopes of one budget as a table.
pub fn balances(budget: &Value, bars: bool) -> Table {
    let columns = [("SCOPE", Align::Left)].into_iter().chain(columns(bars));
    let mut table = Table::new(columns.map(|(name, align)| (name.to_owned(), align)));
    for line in budget["balances"].as_array().into_iter().flatten() {
        table.toned_row([(text(line, "scope"), None)].into_iter().chain(figures(line, bars)));
    }
    table
}

fn columns(bars: bool) -> impl Iterator<Item = (&'static str, Align)> {
    let used = if bars { Align::Left } else { Align::Right };
    [
        ("LIMIT USD", Align::Right),
        ("SPENT", Align::Right),
        ("RESERVED", Align::Right),
        ("LEFT", Align::Right),
        ("USED", used),
        ("FORECAST", Align::Right),
        ("RESETS", Align::Left),
    ]
    .into_iter()
}

fn figures(line: &Value, bars: bool) -> Vec<Cell> {
    let amount = |name: &str| i128::from(line[name].as_i64().unwrap_or(0));
    let (limit, spent) = (amount("limit_nanodollars"), amount("spent_nanodollars"));
    let used = spent + amount("reserved_nanodollars");
    let percent = if limit > 0 { used * 100 / limit } else { 100 };
    let tone = if amount("left_nanodollars") == 0 {
        Tone::Bad
    } else if percent >= NEARLY {
        Tone::Warning
    } else {
        Tone::Good
    };
    let share = if bars { format!("{} {percent:>3} %", bar(spent, used, limit)) } else { format!("{percent} %") };
    let is_known = line["known"].as_bool().unwrap_or(false);
    let spent = if is_known { text(line, "spent_usd") } else { "not read".to_owned() };
    let over = line["forecast_nanodollars"].as_i64().is_some_and(|forecast| i128::from(forecast) > limit);
    vec![
        (text(line, "limit_usd"), None),
        (spent, (!is_known).then_some(Tone::Bad)),
        (text(line, "reserved_usd"), None),
        (text(line, "left_usd"), None),
        (share, Some(tone)),
        (line["forecast_usd"].as_str().unwrap_or("-").to_owned(), over.then_some(Tone::Warning)),
        (line["resets_local"].as_str().unwrap_or("little by little").to_owned(), Some(Tone::Faint)),
    ]
}

/// Spent, reserved and left. Whatever is not nothing is seen.
fn bar(spent: i128, used: i128, limit: i128) -> String {
    let cells = |amount: i128| if limit > 0 { (amount * BAR + limit - 1) / limit } else { BAR }.clamp(0, BAR);
    let (spent, used) = (cells(spent), cells(used));
    let cell = |at: i128| {
        if at < spent {
            '\u{2588}'
        } else if at < used {
            '\u{2593}'
        } else {
            '\u{2591}'
        }
    };
    (0..BAR).map(cell).collect()
}

/// How many scopes share a budget on each of a kind, and how many of them have nothing left.
fn spenders(budget: &Value) -> String {
    match (budget["scopes"].as_u64().unwrap_or(0), budget["exhausted"].as_u64().unwrap_or(0)) {
        (0, _) => "nothing yet".to_owned(),
        (scopes, 0) => format!("{scopes} spent"),
        (scopes, exhausted) => format!("{scopes} spent, {exhausted} used up"),
    }
}

fn kind(budget: &Value) -> Cell {
    let kind = text(budget, "kind");
    let kind = if budget["mode"] == "observe" { format!("{kind}, observed") } else { kind };
    let tone = (kind != "hard").then_some(Tone::Faint);
    let kind = if budget["set_by"] == "tenant" { format!("{kind}, the tenant's") } else { kind };
    (kind, tone)
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::output::Output;

    fn line(scope: &str, limit: i64, spent: i64, reserved: i64, forecast: Option<i64>) -> Value {
        let usd = |nano: i64| format!("{}.{:02}", nano / 1_000_000_000, nano / 10_000_000 % 100);
        json!({
            "scope": scope, "known": true,
            "limit_usd": usd(limit), "limit_nanodollars": limit,
            "spent_usd": usd(spent), "spent_nanodollars": spent,
            "reserved_usd": usd(reserved), "reserved_nanodollars": reserved,
            "left_usd": usd((limit - spent - reserved).max(0)), "left_nanodollars": (limit - spent - reserved).max(0),
            "forecast_usd": forecast.map(usd), "forecast_nanodollars": forecast,
            "resets_local": "2026-11-21 00:00 +09:00",
        })
    }

    fn budgets() -> Value {
        const USD: i64 = 1_000_000_000;
        let one = |scope: &str, kind: &str, mode: &str, line: Value| json!({ "scope": scope, "per": "day", "kind": kind, "mode": mode, "usd_now": line["limit_usd"], "balances": [line] });
        let mut unread = line("provider:openai", USD, 0, 0, None);
        (unread["known"], unread["resets_local"]) = (json!(false), Value::Null);
        json!([
            one("global", "hard", "enforce", line("global", 500 * USD, 100 * USD, 50 * USD, Some(610 * USD))),
            one("team:research", "hard", "enforce", line("team:research", 10 * USD, 8 * USD, 0, Some(9 * USD))),
            one("vkey:app", "soft", "observe", line("vkey:app", USD, 2 * USD, 0, None)),
            one("tenant:acme", "hard", "enforce", line("tenant:acme", 0, 0, 0, None)),
            {
                "scope": "tag:acme/blue", "per": "day", "kind": "hard", "mode": "enforce", "set_by": "tenant",
                "usd_now": "1.00", "balances": [line("tag:acme/blue", USD, 0, 0, None)],
            },
            one("provider:openai", "hard", "enforce", unread),
            {
                "scope": "each:user", "per": "week", "kind": "hard", "mode": "enforce", "usd_now": "5.00",
                "scopes": 12, "exhausted": 1,
                "balances": [line("user:ada", 5 * USD, 5 * USD, 0, Some(7 * USD)), line("user:bob", 5 * USD, 1, 0, None)],
            },
            { "scope": "each:tag", "per": "week", "kind": "hard", "mode": "enforce", "usd_now": "5.00", "scopes": 0, "balances": [] },
        ])
    }

    #[test]
    fn bars_show_what_is_spent_reserved_and_left() {
        let plain = Output { json: false, colour: false };
        let shown = table(&budgets(), true).render(plain);
        let expected = "\
SCOPE            PER   KIND            LIMIT USD        SPENT  RESERVED    LEFT  USED              FORECAST  RESETS
global           day   hard               500.00       100.00     50.00  350.00  \u{2588}\u{2588}\u{2593}\u{2591}\u{2591}\u{2591}\u{2591}\u{2591}\u{2591}\u{2591}  30 %    610.00  2026-11-21 00:00 +09:00";
        for (shown, expected) in shown.lines().zip(expected.lines()) {
            let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(words(shown), words(expected));
        }
        let row = |scope: &str| shown.lines().find(|line| line.trim_start().starts_with(scope)).unwrap().to_owned();
        assert!(
            row("team:research")
                .contains("\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2591}\u{2591}  80 %")
        );
        assert!(
            row("vkey:app")
                .contains("\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588} 200 %"),
            "{shown}"
        );
        assert!(row("tenant:acme").contains("100 %"), "nothing may be spent there: {shown}");
        assert!(row("provider:openai").contains("not read") && row("provider:openai").contains("little by little"));
        assert!(row("tag:acme/blue").contains("hard, the tenant's") && !row("tenant:acme").contains("the tenant's"));
        assert!(row("each:user").contains("12 spent, 1 used up"));
        assert!(
            row("user:bob").contains("\u{2588}\u{2591}") && row("user:bob").contains("  0 %"),
            "what is not nothing is seen"
        );
        assert!(row("each:tag").contains("nothing yet"));
    }

    #[test]
    fn without_a_terminal_there_are_neither_bars_nor_colours() {
        let plain = table(&budgets(), false).render(Output { json: false, colour: false });
        assert!(plain.is_ascii(), "{plain}");
        assert!(plain.contains("30 %"), "{plain}");
        let coloured = table(&budgets(), true).render(Output { json: false, colour: true });
        for code in ["\u{1b}[32m", "\u{1b}[33m", "\u{1b}[31m"] {
            assert!(coloured.contains(code), "{coloured}");
        }
    }
}
