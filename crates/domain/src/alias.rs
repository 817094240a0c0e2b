//! Aliases: names that clients send, standing for deployments that may change behind them.

use serde::{Deserialize, Serialize};

use crate::ids::TenantId;

/// An alias as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    /// Who owns it.
    pub tenant: TenantId,
    /// What clients send as `model`; unique within the tenant.
    pub name: String,
    /// `provider/model`, in order of preference.
    pub targets: Vec<String>,
    /// Grows by one with every change.
    pub revision: u64,
}
