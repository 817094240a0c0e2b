//! Provider keys: sealed, proved by a call that costs nothing, and used or not.

mod add;
mod disable;
mod discover;
mod drain;
mod enable;
mod life;
mod list;
mod proof;
mod remove;
mod replace;
mod retire;
mod reveal;
mod show;
mod terms;
mod test;
mod test_all;
mod update;
mod view;

pub use add::AddKey;
pub use disable::DisableKey;
pub use discover::DiscoverModels;
pub use drain::DrainKey;
pub use enable::EnableKey;
pub use list::ListKeys;
pub use proof::test_keys;
pub use remove::RemoveKey;
pub use replace::ReplaceKey;
pub use retire::RetireKey;
pub use reveal::{RevealKey, RevealedKey};
pub use show::ShowKey;
pub use terms::{LimitsChange, LimitsView, MAX_PATTERNS, TermsChange, TermsView};
pub use test::TestKey;
pub use test_all::{KeyTests, TestAllKeys};
pub use update::UpdateKey;
pub use view::{KeyView, ProofView};
