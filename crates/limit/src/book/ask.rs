use keyward_domain::ids::TenantId;
use keyward_domain::ledger::AttemptId;
use keyward_domain::money::Nanodollars;
use keyward_domain::scope::Scope;
use keyward_domain::time::Timestamp;

/// What an attempt wants to be held for it.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Who pays.
    pub tenant: TenantId,
    /// What it touches, in any order; twice counts once.
    pub scopes: &'a [Scope],
    /// When the attempt began: what its ledger row will say. Decides to which windows it belongs.
    pub at: Timestamp,
    /// How much.
    pub amount: Nanodollars,
    /// The attempt, as its ledger row will name it.
    pub attempt: AttemptId,
}
