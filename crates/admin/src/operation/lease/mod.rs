//! Leases: provider keys in the hands of callers. They are taken and reported on the data plane; here one sees them.

mod list;

pub use list::{LeaseView, ListLeases};
