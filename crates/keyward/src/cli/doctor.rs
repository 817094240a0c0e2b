//! `keyward doctor`: looks for problems in the set-up. Only what can be checked is claimed.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use keyward_admin::client::Ask;
use keyward_domain::budget::UnknownPrice;
use serde_json::{Value, json};

use super::failure::Failure;
use super::output::{Output, Tone, clean};
use super::session::Session;
use crate::config::{Config, VaultRoot};

/// Nothing to choose.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Models without a price that are named, at most.
const NAMED: usize = 5;

/// What one check found.
struct Check {
    name: &'static str,
    verdict: Verdict,
    detail: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Fine,
    Warning,
    Problem,
}

pub fn run(_: &Args, session: &Session) -> Result<(), Failure> {
    let mut checks = vec![home(session)];
    match session.config() {
        Ok(config) => {
            checks.push(Check::fine("config", "the config file and the environment are fine"));
            checks.extend([listeners(&config), root_key(&config, session), store(&config, session)]);
        }
        Err(error) => checks.push(Check::problem("config", error.message)),
    }
    checks.push(swap());
    checks.extend(installation(session));
    checks.extend(ledger(session));
    checks.extend(prices(session));
    let value = json!({ "checks": checks.iter().map(Check::as_json).collect::<Vec<_>>() });
    session.output.show(&value, |output, _| checks.iter().for_each(|check| check.print(output)));
    if checks.iter().all(|check| check.verdict == Verdict::Fine) { Ok(()) } else { Err(Failure::found()) }
}

fn home(session: &Session) -> Check {
    match session.home.check() {
        Ok(()) => Check::fine("home", session.home.path().display().to_string()),
        Err(error) => Check::problem("home", format!("{error:#}")),
    }
}

fn listeners(config: &Config) -> Check {
    let addresses = [Some(config.listen.data), Some(config.listen.admin), config.listen.metrics];
    let open = addresses.into_iter().flatten().find(|address| !address.ip().to_canonical().is_loopback());
    match open {
        None => Check::fine("listeners", "both planes can be reached from this machine only"),
        Some(address) => Check::warning(
            "listeners",
            format!("{address} can be reached from other machines without TLS: put a proxy that speaks TLS in front"),
        ),
    }
}

fn root_key(config: &Config, session: &Session) -> Check {
    match &config.vault {
        VaultRoot::Passphrase => Check::fine("root key", "the vault opens with a passphrase"),
        VaultRoot::KeyFile(path) => private_file("root key", &session.home.join(path)),
    }
}

fn store(config: &Config, session: &Session) -> Check {
    private_file("store", &session.home.join(&config.store))
}

fn private_file(name: &'static str, path: &Path) -> Check {
    let shown = path.display();
    match std::fs::symlink_metadata(path) {
        Err(error) => Check::problem(name, format!("{shown}: {error}")),
        Ok(facts) if facts.mode() & 0o077 != 0 => Check::problem(
            name,
            format!("others can read {shown} (mode {:o}): run `chmod 600 {shown}`", facts.mode() & 0o777),
        ),
        Ok(facts) if !facts.is_file() => Check::problem(name, format!("{shown} is not a regular file")),
        Ok(_) => Check::fine(name, format!("{shown} is private to its owner")),
    }
}

/// Secrets in memory can end up in swap.
fn swap() -> Check {
    let Ok(text) = std::fs::read_to_string("/proc/swaps") else {
        return Check::fine("swap", "cannot be looked at on this system");
    };
    if text.lines().count() > 1 {
        Check::warning(
            "swap",
            "this machine swaps: opened keys may be written to it; encrypt the swap or switch it off",
        )
    } else {
        Check::fine("swap", "none")
    }
}

/// What the control plane itself warns about.
fn installation(session: &Session) -> Vec<Check> {
    match session.call(Ask::get(&["status"])) {
        Ok(status) => {
            let warnings: Vec<&str> =
                status["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            if warnings.is_empty() {
                return vec![Check::fine("installation", "nothing needs attention")];
            }
            warnings.into_iter().map(|warning| Check::warning("installation", warning)).collect()
        }
        Err(failure) => vec![Check::problem("installation", failure.message)],
    }
}

/// Whether the sums that budgets and reports are made of agree with the rows. An installation that cannot be asked was
/// told of already.
fn ledger(session: &Session) -> Option<Check> {
    let found = session.call(Ask::get(&["usage", "reconcile"])).ok()?;
    let said = super::usage::summary(&found);
    Some(if found["agrees"] == true { Check::fine("ledger", said) } else { Check::problem("ledger", said) })
}

/// Whether every model on offer has a price, and what happens to calls to those that have none. An installation that
/// cannot be asked was told of already.
fn prices(session: &Session) -> Option<Check> {
    let unknown = session.list(&["models"], &[("price", Some("unknown"))]).ok()?;
    let names: Vec<_> = unknown.as_array()?.iter().filter_map(|model| model["id"].as_str()).collect();
    let more = names.len().saturating_sub(NAMED);
    let shown = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
    let remedy = "`keyward model list --price unknown` lists them, `keyward model price` sets prices";
    if names.is_empty() {
        return Some(Check::fine("prices", "every model on offer has a price or is free"));
    }
    let budgets = session.list(&["budgets"], &[]).ok()?;
    let refuses = budgets.as_array()?.iter().any(|budget| budget["kind"] == "hard" && budget["mode"] == "enforce");
    let has_ceiling = session.config().is_ok_and(|config| config.unknown_price != UnknownPrice::Refuse);
    let what = match (refuses, has_ceiling) {
        (true, false) => "a hard budget that applies to a call refuses them",
        (true, true) => "hard budgets count them at the ceiling of `budgets.unknown_price`",
        (false, _) => "what they cost will be missing in every report",
    };
    let detail = format!("no price is known for {shown}{rest}: {what}; {remedy}");
    Some(if refuses && has_ceiling { Check::fine("prices", detail) } else { Check::warning("prices", detail) })
}

impl Check {
    fn fine(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Fine, detail: detail.into() }
    }

    fn warning(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Warning, detail: detail.into() }
    }

    fn problem(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Problem, detail: detail.into() }
    }

    const fn word(&self) -> (&'static str, Tone) {
        match self.verdict {
            Verdict::Fine => ("fine", Tone::Good),
            Verdict::Warning => ("warning", Tone::Warning),
            Verdict::Problem => ("problem", Tone::Bad),
        }
    }

    fn as_json(&self) -> Value {
        json!({ "check": self.name, "verdict": self.word().0, "detail": self.detail })
    }

    fn print(&self, output: Output) {
        let (word, tone) = self.word();
        let padded = format!("{word:7}");
        let mut lines = self.detail.lines();
        let first = clean(lines.next().unwrap_or_default());
        output.line(&format!("{}  {:12}  {first}", output.paint(tone, &padded), self.name));
        lines.for_each(|line| output.line(&format!("    {}", clean(line))));
    }
}
