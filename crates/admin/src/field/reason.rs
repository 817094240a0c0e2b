use keyward_domain::ledger::MAX_REASON;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

/// Why something is done, for whoever reads it later: one line of 1 to 256 bytes.
#[derive(Debug, Clone, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, example = "refunded by the provider")]
pub struct Reason(pub String);

impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let text = text.trim();
        let is_plain = (1..=MAX_REASON).contains(&text.len()) && !text.contains(char::is_control);
        // A sentence may well contain a long word; only the words are looked at.
        if is_plain && !text.split_whitespace().any(super::looks_secret) {
            return Ok(Self(text.to_owned()));
        }
        Err(serde::de::Error::custom("write the reason in one line of at most 256 bytes, and no secrets"))
    }
}
