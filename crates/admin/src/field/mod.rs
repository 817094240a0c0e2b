//! What inputs are made of: texts that were checked when they came in, so that no operation has to check again.
//!
//! Nothing here ever repeats a value in its error text: whatever was sent may be a secret in the wrong place.

mod edit;
mod length;
mod list;
mod local;
mod model;
mod moment;
mod money;
mod name;
mod page;
mod period;
mod reach;
mod reason;
mod secret;
mod share;
mod tag;
mod whole;
mod zone;

pub use edit::Edit;
pub use length::Length;
pub use list::{ClaimableTags, GroupBy, Networks, Operations, Tags};
pub use local::LocalMoment;
pub use model::{KeyModelPattern, ModelId, ModelPattern, Target};
pub use moment::{Moment, Since};
pub use money::{Adjustment, Amount, Dollars, DollarsPerMillion, Usd, usd};
pub use name::{Name, Reference, looks_secret};
pub use page::{BAD_CURSOR, Cursor, DEFAULT_PAGE, Flag, Limit, MAX_PAGE, Page, page_of};
pub use period::PeriodText;
pub use reach::{AllowanceRef, ReachText, scope_word};
pub use reason::Reason;
pub use secret::{SecretText, ShownSecret};
pub use share::Share;
pub use tag::KeyTags;
pub use whole::{Concurrency, Requests, Tier, Tokens, Weight, Whole};
pub use zone::ZoneName;

/// Tells a field that was left out (`None`) from one that was sent as `null` (`Some(None)`): for changes, where `null`
/// means "take it away".
pub fn sent<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: serde::Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    serde::Deserialize::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests;
