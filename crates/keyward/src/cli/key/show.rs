//! `keyward key show`.

use keyward_admin::client::Ask;

use crate::cli::failure::Failure;
use crate::cli::session::Session;

/// Which key.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name, `provider/name` or id.
    key: String,
    /// List the models that it was seen to offer.
    #[arg(long)]
    models: bool,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let key = session.call(Ask::get(&["keys", &args.key]))?;
    session.output.show(&key, |output, key| {
        super::describe(output, key);
        for model in key["models"].as_array().into_iter().flatten().filter(|_| args.models) {
            output.line(&format!("    {}", model.as_str().unwrap_or_default()));
        }
    });
    Ok(())
}
