use keyward_domain::ids::{LimitId, TenantId};
use keyward_domain::limit::{Limit, LimitPeriod, Meter};
use keyward_domain::port::Records;
use keyward_domain::scope::Reach;

use crate::control::{Control, own_first, reach_text};
use crate::error::AdminError;
use crate::field::AllowanceRef;

/// The limits that are set on this.
pub(super) fn limits_on<'r>(records: &'r Records, tenant: TenantId, reach: &Reach) -> Vec<&'r Limit> {
    records.limits.iter().filter(|limit| limit.reach == *reach && limit.tenant == tenant).collect()
}

/// The limit of this id, or on this scope with this meter and period: the one that was set for the realm of who asks, if
/// there is one.
pub(super) fn find<'r>(
    control: &Control,
    records: &'r Records,
    reference: &AllowanceRef<LimitId>,
    (meter, per): (Option<Meter>, Option<LimitPeriod>),
) -> Result<&'r Limit, AdminError> {
    let (there, name) = match reference {
        AllowanceRef::Id(id) => (records.limits.iter().filter(|limit| limit.id == *id).collect(), id.to_string()),
        AllowanceRef::On(text) => {
            let (tenant, reach) = control.reach_of(records, text)?;
            (limits_on(records, tenant, &reach), reach_text(records, tenant, &reach))
        }
    };
    let named = |limit: &&Limit| {
        meter.is_none_or(|meter| limit.meter == meter) && per.is_none_or(|per| limit.period == Some(per))
    };
    let there = own_first(there.into_iter().filter(named).collect(), control.realm(), |limit| limit.set_by);
    match there.as_slice() {
        [] => Err(AdminError::not_found("limit", &name)),
        [only] => Ok(only),
        several => {
            let each: Vec<_> = several.iter().map(|limit| format!("`{}`", in_short(limit))).collect();
            let message = format!("`{name}` has several: say which by meter and period, one of {}", each.join(", "));
            Err(AdminError::Ambiguous("limit", message))
        }
    }
}

/// `requests per minute`.
fn in_short(limit: &Limit) -> String {
    let per = limit.period.map(|period| format!(" per {}", period.as_str())).unwrap_or_default();
    format!("{}{per}", limit.meter.as_str())
}
