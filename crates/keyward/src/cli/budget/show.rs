//! `keyward budget show`.

use keyward_admin::client::Ask;
use serde_json::Value;

use crate::cli::failure::Failure;
use crate::cli::session::Session;

/// Which budgets.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What they apply to, such as team:research or user:ada; or each:user for those who spent most; or the id of one.
    scope: String,
    /// Only the one with this window.
    #[arg(long, value_name = "WINDOW")]
    per: Option<String>,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let budgets = if args.per.is_some() || args.scope.starts_with("bud_") {
        vec![session.call(Ask::get(&["budgets", &args.scope]).query("per", args.per.as_deref()))?]
    } else if !args.scope.starts_with("each:") {
        let listed = session.list(&["budgets"], &[("applies_to", Some(&args.scope))])?;
        listed.as_array().cloned().unwrap_or_default()
    } else {
        let listed = session.list(&["budgets"], &[("scope", Some(&args.scope))])?;
        let ids = listed.as_array().into_iter().flatten().filter_map(|budget| budget["id"].as_str());
        ids.map(|id| session.call(Ask::get(&["budgets", id]))).collect::<Result<Vec<_>, _>>()?
    };
    if budgets.is_empty() {
        return Err(Failure::failed(format!(
            "there is no budget on `{0}`; `keyward budget set {0} --usd 500 --per day` makes one",
            args.scope
        )));
    }
    session.output.show(&Value::Array(budgets), |output, budgets| {
        budgets.as_array().into_iter().flatten().for_each(|budget| super::describe(output, budget));
    });
    Ok(())
}
