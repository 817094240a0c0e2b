//! What a tenant, a team or a user may do at most, as options of `create` and `update`.

use serde_json::{Value, json};

use super::output::{Output, Tone, clean, yes_no};
use super::vkey::listed;

/// What everything below may do at most.
#[derive(Debug, clap::Args)]
pub struct Allowed {
    /// A model that may be used: an alias, `provider/model`, a bare name, or the beginning of one and `*` [default: all].
    #[arg(long = "model", value_name = "PATTERN", value_delimiter = ',')]
    models: Option<Vec<String>>,
    /// An operation that may be used, such as chat, responses, messages, generate or embed [default: all].
    #[arg(long = "operation", value_name = "NAME", value_delimiter = ',')]
    operations: Option<Vec<String>>,
    /// A network that calls may come from, such as 10.0.0.0/8 [default: all].
    #[arg(long = "address", value_name = "NETWORK", value_delimiter = ',')]
    addresses: Option<Vec<String>>,
}

/// The same for a change, which can also take a restriction away.
#[derive(Debug, clap::Args)]
pub struct AllowedEdit {
    #[command(flatten)]
    allowed: Allowed,
    /// Allow all models.
    #[arg(long, conflicts_with = "models")]
    all_models: bool,
    /// Allow all operations.
    #[arg(long, conflicts_with = "operations")]
    all_operations: bool,
    /// Allow calls from everywhere.
    #[arg(long, conflicts_with = "addresses")]
    all_addresses: bool,
}

impl Allowed {
    /// As fields of a request; left out fields are null.
    pub fn fields(&self) -> Value {
        json!({ "models": self.models, "operations": self.operations, "addresses": self.addresses })
    }
}

impl AllowedEdit {
    /// As fields of a request; left out fields are null.
    pub fn fields(&self) -> Value {
        let mut fields = self.allowed.fields();
        let everything =
            [("models", self.all_models), ("operations", self.all_operations), ("addresses", self.all_addresses)];
        for (field, _) in everything.into_iter().filter(|(_, all)| *all) {
            fields[field] = json!([]);
        }
        fields
    }
}

/// Prints a tenant, a team or a user.
pub fn describe(output: Output, object: &Value) {
    let text = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
    let count = |field: &str| object[field].as_u64().map(|count| count.to_string()).unwrap_or_default();
    output.line(&output.paint(Tone::Strong, &clean(&text("name"))));
    output.fields(&[
        ("id", text("id")),
        ("tenant", text("tenant")),
        ("team", text("team")),
        ("enabled", yes_no(&object["enabled"])),
        ("models", listed(&object["models"], "all")),
        ("operations", listed(&object["operations"], "all")),
        ("addresses", listed(&object["addresses"], "all")),
        ("teams", count("teams")),
        ("users", count("users")),
        ("virtual keys", count("virtual_keys")),
        ("created", text("created_at")),
        ("revision", object["revision"].to_string()),
    ]);
}
