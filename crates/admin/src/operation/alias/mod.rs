//! Aliases: names that clients send, standing for models that may change behind them.

mod list;
mod remove;
mod set;

pub use list::{AliasView, ListAliases};
pub use remove::RemoveAlias;
pub use set::SetAlias;
