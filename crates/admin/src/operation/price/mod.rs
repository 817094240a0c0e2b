//! Prices that the operator sets, over whatever the catalog says.

mod list;
mod remove;
mod set;

pub use list::{ListPrices, SetPriceView};
pub use remove::RemovePrice;
pub use set::SetPrice;
