//! Status: one page of everything, with what is wrong and what to do about it.

mod show;
mod view;
mod warning;

pub use show::ShowStatus;
pub use view::{ExhaustedBudget, JournalStatus, KeyStatusLine, LedgerStatus, StatusView};
