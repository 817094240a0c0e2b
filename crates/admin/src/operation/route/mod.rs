//! Routes: where a model's name leads, and which key would serve it. By the same code as calls, without making one.

mod explain;
mod simulate;
mod view;

pub use explain::{ExplainRoute, FallbackView, RouteView, ServedView};
pub use simulate::{PoolShares, ShareView, SimulateStrategy, StrategyShares};
pub(crate) use view::word_of;
pub use view::{KeyCandidateView, TargetView};
