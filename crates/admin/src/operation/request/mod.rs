//! The request log: every call with its attempts, or why it was refused.

mod correct;
mod explain;
mod list;
mod show;
mod view;

pub use correct::{CorrectLedger, Corrected};
pub use explain::{AttemptExplanation, ExplainRequest, PastCandidate, RequestExplanation};
pub use list::ListRequests;
pub use show::ShowRequest;
pub use view::{AttemptView, CorrectionView, RequestView};
