//! Health: which keys work, how well, and how that is known.

mod check;
mod show;
mod summary;
mod validate;

pub use check::{CheckHealth, HealthCheck};
pub use show::{KeyModelView, ShowHealth};
pub use summary::{HealthLine, HealthSummary, LimitedModel, ProviderHealth, SummariseHealth};
pub use validate::{Rounds, validate_due};
