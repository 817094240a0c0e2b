//! Providers: who is talked to, and where.

mod add;
mod disable;
mod enable;
mod list;
mod remove;
mod rename;
mod rules;
mod show;
mod test;
mod update;
mod view;

pub use add::AddProvider;
pub use disable::DisableProvider;
pub use enable::EnableProvider;
pub use list::ListProviders;
pub use remove::RemoveProvider;
pub use rules::{RuleText, WRONG_LASTS};
pub use show::ShowProvider;
pub use test::TestProvider;
pub use update::UpdateProvider;
pub use view::ProviderView;
