//! Aliases: names that clients send, standing for deployments that may change behind them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::TenantId;
use crate::routing::FallbackClass;

/// An alias as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    /// Who owns it.
    pub tenant: TenantId,
    /// What clients send as `model`; unique within the tenant.
    pub name: String,
    /// `provider/model`, in order of preference.
    pub targets: Vec<String>,
    /// How a target is chosen.
    #[serde(default)]
    pub order: TargetOrder,
    /// Share of the calls of each target, in the order of `targets`; empty means all alike. For
    /// [`TargetOrder::Weighted`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<u16>,
    /// `provider/model` to go on to when the targets cannot serve, by what stood in the way.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fallback: BTreeMap<FallbackClass, Vec<String>>,
    /// Grows by one with every change.
    pub revision: u64,
}

impl Alias {
    /// A new alias whose targets are tried as they are listed, without fallbacks.
    pub fn listed(tenant: TenantId, name: impl Into<String>, targets: Vec<String>) -> Self {
        let (order, weights, fallback) = (TargetOrder::Listed, Vec::new(), BTreeMap::new());
        Self { tenant, name: name.into(), targets, order, weights, fallback, revision: 1 }
    }
}

/// In which order the targets of an alias are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetOrder {
    /// As they are listed.
    #[default]
    Listed,
    /// By chance, in proportion to the weights.
    Weighted,
    /// The cheapest for the call first.
    CostOptimized,
    /// The quickest of late first.
    Latency,
}

impl TargetOrder {
    /// Every order, the default first.
    pub const ALL: [Self; 4] = [Self::Listed, Self::Weighted, Self::CostOptimized, Self::Latency];

    /// The word that config, rows and APIs use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::Weighted => "weighted",
            Self::CostOptimized => "cost_optimized",
            Self::Latency => "latency",
        }
    }

    /// The order that this word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|order| order.as_str() == word)
    }
}
