//! Provider keys: sealed, proved by a call that costs nothing, and used or not.

mod add;
mod disable;
mod discover;
mod enable;
mod list;
mod proof;
mod remove;
mod replace;
mod reveal;
mod show;
mod test;
mod test_all;
mod view;

pub use add::AddKey;
pub use disable::DisableKey;
pub use discover::DiscoverModels;
pub use enable::EnableKey;
pub use list::ListKeys;
pub use proof::test_keys;
pub use remove::RemoveKey;
pub use replace::ReplaceKey;
pub use reveal::{RevealKey, RevealedKey};
pub use show::ShowKey;
pub use test::TestKey;
pub use test_all::{KeyTests, TestAllKeys};
pub use view::{KeyView, ProofView};
