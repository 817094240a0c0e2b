//! The audit log: who did what.

mod list;

pub use list::{AuditView, ListAudit};
