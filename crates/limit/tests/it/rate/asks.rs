//! Which limits a call touches.

use keyward_domain::ids::{LimitId, TenantId, UserId};
use keyward_domain::limit::{Limit, Meter};
use keyward_domain::scope::{Reach, Scope, ScopeKind};
use keyward_limit::rate::Limits;

use super::{TENANT, limit, team, tokens};

#[test]
fn a_call_asks_the_limits_of_its_scopes_and_of_their_kinds_in_its_tenant() {
    let user = Scope::User(UserId::from_bits(3));
    let each_user = Limit { reach: Reach::Each(ScopeKind::User), ..limit(2, Meter::Requests, 10) };
    let elsewhere = Limit { tenant: TenantId::from_bits(8), ..each_user.clone() };
    let elsewhere = Limit { id: LimitId::from_bits(3), ..elsewhere };
    let limits = Limits::new(&[limit(1, Meter::Tokens, 100), each_user, elsewhere, limit(4, Meter::Concurrency, 5)]);

    let asks = limits.asks(&[Scope::Global, team(), user.clone()], TENANT, tokens(30, 4));
    let asked: Vec<_> = asks.iter().map(|ask| (ask.limit.id.bits(), ask.scope.clone(), ask.amount)).collect();
    assert_eq!(asked, [(1, team(), 34), (4, team(), 1), (2, user, 1)]);

    assert!(limits.asks(&[Scope::Global], TENANT, tokens(1, 1)).is_empty());
    assert!(Limits::default().is_empty() && !limits.is_empty());
    assert_eq!(limits.of(&team(), TENANT).count(), 2);
}
