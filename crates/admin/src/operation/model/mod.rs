//! Models: what the providers' keys were seen to offer, and what it costs.

mod list;
mod show;
mod view;

pub use list::ListModels;
pub use show::ShowModel;
pub(crate) use view::offers;
pub use view::{ModelView, PriceView};
