//! `keyward provider list`.

use crate::cli::failure::Failure;
use crate::cli::output::yes_no;
use crate::cli::session::Session;
use crate::cli::table::Table;

pub fn run(session: &Session) -> Result<(), Failure> {
    let providers = session.list(&["providers"], &[])?;
    session.output.show(&providers, |output, providers| {
        let mut table = Table::of(&["NAME", "KIND", "BASE URL", "ENABLED", "STRATEGY", "KEYS IN USE"]);
        for provider in providers.as_array().into_iter().flatten() {
            let text = |field: &str| provider[field].as_str().unwrap_or_default().to_owned();
            let keys = format!("{} of {}", provider["active_keys"], provider["keys"]);
            table.row([
                text("name"),
                text("kind"),
                text("base_url"),
                yes_no(&provider["enabled"]),
                text("strategy"),
                keys,
            ]);
        }
        output.table(
            &table,
            "There are no providers yet. `keyward key add openai` adds one together with its first key.",
        );
    });
    Ok(())
}
