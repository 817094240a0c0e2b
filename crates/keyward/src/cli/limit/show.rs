//! `keyward limit show`.

use keyward_admin::client::Ask;
use serde_json::Value;

use crate::cli::failure::Failure;
use crate::cli::session::Session;

/// Which limits.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What they apply to, such as team:research or user:ada; or each:user; or the id of one.
    scope: String,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let limits = if args.scope.starts_with("lim_") {
        vec![session.call(Ask::get(&["limits", &args.scope]))?]
    } else {
        let which = if args.scope.starts_with("each:") { "scope" } else { "applies_to" };
        let listed = session.list(&["limits"], &[(which, Some(&args.scope))])?;
        listed.as_array().cloned().unwrap_or_default()
    };
    if limits.is_empty() {
        return Err(Failure::failed(format!(
            "there is no limit on `{0}`; `keyward limit set {0} --rpm 100` makes one",
            args.scope
        )));
    }
    session.output.show(&Value::Array(limits), |output, limits| {
        limits.as_array().into_iter().flatten().for_each(|limit| super::describe(output, limit));
    });
    Ok(())
}
