//! Budgets: how much a scope may spend within a window.

mod balance;
mod delete;
mod find;
mod list;
mod set;
mod show;
mod top_up;
mod view;

pub use balance::BalanceLine;
pub use delete::DeleteBudget;
pub use list::ListBudgets;
pub use set::SetBudget;
pub use show::ShowBudget;
pub use top_up::TopUpInput;
pub use view::{BudgetView, TopUpView};
