//! The request log: every call with its attempts, or why it was refused.

mod explain;
mod list;
mod show;
mod view;

pub use explain::{AttemptExplanation, ExplainRequest, PastCandidate, RequestExplanation};
pub use list::ListRequests;
pub use show::ShowRequest;
pub use view::{AttemptView, RequestView};
