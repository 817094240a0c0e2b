//! What a virtual key may do, as options of `create` and `update`.

use serde_json::{Value, json};

/// What a virtual key may do.
#[derive(Debug, clap::Args)]
pub struct Grant {
    /// A model it may use: an alias, `provider/model`, a bare name, or the beginning of one and `*` [default: all].
    #[arg(long = "model", value_name = "PATTERN", value_delimiter = ',')]
    models: Option<Vec<String>>,
    /// An operation it may use, such as chat, responses, messages, generate or embed [default: all].
    #[arg(long = "operation", value_name = "NAME", value_delimiter = ',')]
    operations: Option<Vec<String>>,
    /// A network it may be used from, such as 10.0.0.0/8 [default: all].
    #[arg(long = "address", value_name = "NETWORK", value_delimiter = ',')]
    addresses: Option<Vec<String>>,
    /// When the client goes away: `abort` stops the provider, `drain` reads on so that the figures are exact.
    #[arg(long, value_name = "abort|drain")]
    on_disconnect: Option<String>,
    /// A label for attribution.
    #[arg(long = "tag", value_name = "LABEL", value_delimiter = ',')]
    tags: Option<Vec<String>>,
    /// The team it belongs to: a name, TENANT/NAME, or an id [default: its user's].
    #[arg(long, value_name = "TEAM")]
    team: Option<String>,
    /// The user it belongs to: a name, TENANT/NAME, or an id.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Whether its calls may name your own customer, for attribution [default: false].
    #[arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true")]
    claim_end_users: Option<bool>,
    /// A tag that its calls may carry, or the beginning of some and `*` [default: none].
    #[arg(long, value_name = "TAGS", value_delimiter = ',')]
    claim_tags: Option<Vec<String>>,
    /// The highest priority that its calls may ask for when calls have to wait [default: normal].
    #[arg(long, value_name = "low|normal|high")]
    priority: Option<String>,
    /// From when it is accepted: 2026-11-20 or 2026-11-20T09:30:00Z [default: at once].
    #[arg(long, value_name = "MOMENT")]
    not_before: Option<String>,
    /// From when it is no longer accepted: 2026-11-20 or 2026-11-20T09:30:00Z [default: never].
    #[arg(long, value_name = "MOMENT")]
    expires: Option<String>,
}

impl Grant {
    /// As fields of a request; left out fields are null.
    pub fn fields(&self) -> Value {
        json!({
            "models": self.models,
            "operations": self.operations,
            "addresses": self.addresses,
            "on_disconnect": self.on_disconnect,
            "tags": self.tags,
            "team": self.team,
            "user": self.user,
            "claim_end_users": self.claim_end_users,
            "claim_tags": self.claim_tags,
            "priority": self.priority,
            "not_before": self.not_before,
            "expires_at": self.expires,
        })
    }
}
