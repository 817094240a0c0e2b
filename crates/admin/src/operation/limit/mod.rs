//! Limits: how many calls or tokens a scope may use within a length of time, and how many calls at once.

mod delete;
mod find;
mod list;
mod set;
mod show;
mod used;
mod view;

pub use delete::DeleteLimit;
pub use list::ListLimits;
pub use set::SetLimit;
pub use show::ShowLimit;
pub use used::UsedLine;
pub use view::LimitView;
