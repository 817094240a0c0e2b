//! Who sets budgets and limits on what, and who changes them. Those who administer a tenant set theirs beside those that
//! the installation has set on the tenant, and both hold: so a tenant makes what binds it tighter and never wider.

use keyward_domain::ids::TenantId;
use keyward_domain::port::Records;
use keyward_domain::principal::Realm;
use keyward_domain::scope::{Reach, ScopeKind};

use super::{Control, one_scope, reach_text, resolve_reach, thread_died};
use crate::error::AdminError;
use crate::field::ReachText;

impl Control {
    /// The tenant that is meant when none is named: that of who asks.
    pub fn own_tenant(&self) -> TenantId {
        self.realm().tenant().unwrap_or(TenantId::DEFAULT)
    }

    /// What this is set on, and whose it is; see [`resolve_reach`].
    pub fn reach_of(&self, records: &Records, text: &ReachText) -> Result<(TenantId, Reach), AdminError> {
        resolve_reach(records, self.own_tenant(), text)
    }

    /// The one scope that this names; see [`one_scope`].
    pub fn scope_of(
        &self,
        records: &Records,
        text: &ReachText,
    ) -> Result<(TenantId, keyward_domain::scope::Scope), AdminError> {
        one_scope(records, self.own_tenant(), text)
    }

    /// Refuses to set something on more than who asks has: it would bind others too. Asked before anything is looked up,
    /// so that the answer tells nothing of what there is.
    ///
    /// INVARIANT: nothing that a tenant sets reaches beyond it (tests `a19_budgets_*`, `a19_limits_*`).
    pub fn refuse_wide_reach(&self, text: &ReachText) -> Result<(), AdminError> {
        let is_each = matches!(text, ReachText::Each(..));
        let is_of_one = is_of_one_tenant(text.kind()) && !(is_each && text.kind() == ScopeKind::Tenant);
        if self.realm() == Realm::Installation || is_of_one {
            return Ok(());
        }
        let message = "This token is for one tenant only, and what it sets stays within that: name the tenant, or a team, \
                       user, end_user, vkey or tag of it, or each of these (each:user and so on).";
        Err(AdminError::ExceedsGrantor("scope", message.to_owned()))
    }

    /// Refuses to change what those have set who see more than who asks.
    pub fn refuse_if_set_above(
        &self,
        noun: &'static str,
        set_by: Realm,
        records: &Records,
        (tenant, reach): (TenantId, &Reach),
    ) -> Result<(), AdminError> {
        if self.realm().contains(set_by) {
            return Ok(());
        }
        let name = reach_text(records, tenant, reach);
        let message = format!(
            "The {noun} on `{name}` was set by those who administer the installation, and they change it. Set one of your \
             own beside it: both hold."
        );
        Err(AdminError::ExceedsGrantor(noun, message))
    }

    /// How many there are of something in the whole installation: for bounds that all tenants share.
    pub(crate) async fn count_everywhere(&self, count: fn(&Records) -> usize) -> Result<usize, AdminError> {
        let store = std::sync::Arc::clone(&self.ports.store);
        let counted = tokio::task::spawn_blocking(move || store.load().map(|records| count(&records))).await;
        Ok(counted.map_err(|error| thread_died(&error))??)
    }
}

/// Whether everything that is spent on such a scope is spent by one tenant, and the tenant decides who spends it.
pub(super) const fn is_of_one_tenant(kind: ScopeKind) -> bool {
    kind.is_callers() && !matches!(kind, ScopeKind::Global)
}

/// Of what fits, what was set for this realm; what others have set there when that is nothing.
pub fn own_first<T>(mut fitting: Vec<&T>, realm: Realm, set_by: impl Fn(&T) -> Realm) -> Vec<&T> {
    if fitting.iter().any(|one| set_by(one) == realm) {
        fitting.retain(|one| set_by(one) == realm);
    }
    fitting
}

/// Who has set something, in a word.
pub const fn setter_word(set_by: Realm) -> &'static str {
    match set_by {
        Realm::Installation => "installation",
        Realm::Tenant(_) => "tenant",
        Realm::Team(..) => "team",
    }
}
