//! `keyward key test`.

use keyward_admin::client::Ask;
use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::session::{Session, present};

/// Which keys.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name, `provider/name` or id.
    #[arg(required_unless_present = "all")]
    key: Option<String>,
    /// Test every key.
    #[arg(long, conflicts_with = "key")]
    all: bool,
    /// With --all: only this provider's.
    #[arg(long, requires = "all")]
    provider: Option<String>,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let tested = if let Some(key) = &args.key {
        json!({ "keys": [session.call(Ask::post(&["keys", key, "test"]))?] })
    } else {
        let body = present(json!({ "provider": args.provider }));
        session.call(Ask::post(&["keys", "test"]).body(body))?
    };
    let keys: &[Value] = tested["keys"].as_array().map_or(&[], Vec::as_slice);
    session.output.show(&tested, |output, tested| {
        super::findings(output, &tested["keys"]);
        if keys.is_empty() {
            output.line("There are no provider keys to test.");
        }
    });
    if keys.iter().all(super::is_well) { Ok(()) } else { Err(Failure::found()) }
}
