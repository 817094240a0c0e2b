//! The wall's own word on budgets and limits, whatever an operation has checked before.

use keyward_domain::budget::{Budget, BudgetKind, HoldMode, Mode};
use keyward_domain::ids::{BudgetId, LimitId, ProviderId, TeamId, TenantId, UserId};
use keyward_domain::limit::{Limit, LimitPeriod, Meter, OnLoss};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::{Change, Records};
use keyward_domain::principal::Realm;
use keyward_domain::scope::{Reach, Scope, ScopeKind};
use keyward_domain::tenancy::{Team, User};
use keyward_domain::time::Timestamp;
use keyward_domain::virtual_key::Grant;
use keyward_domain::window::{Period, Windows};

use super::change::are_within;
use super::view::within;

const ACME: TenantId = TenantId::from_bits(1);
const BETA: TenantId = TenantId::from_bits(2);
const OWN: Realm = Realm::Tenant(ACME);
const SEARCH: TeamId = TeamId::from_bits(1);
const OTHERS: TeamId = TeamId::from_bits(2);
const ADA: UserId = UserId::from_bits(1);

fn budget(number: u128, tenant: TenantId, set_by: Realm, reach: Reach) -> Budget {
    Budget {
        id: BudgetId::from_bits(number),
        tenant,
        set_by,
        reach,
        amount: Nanodollars(1),
        windows: Windows::utc(Period::Day),
        kind: BudgetKind::Hard,
        mode: Mode::Enforce,
        hold: HoldMode::Adaptive,
        alert_at: Vec::new(),
        top_ups: Vec::new(),
        created_at: Timestamp::EPOCH,
        revision: 1,
    }
}

fn limit(number: u128, tenant: TenantId, set_by: Realm, reach: Reach) -> Limit {
    let (meter, period, created_at) = (Meter::Requests, Some(LimitPeriod::Minute), Timestamp::EPOCH);
    let (id, burst, quota) = (LimitId::from_bits(number), None, 1);
    let (mode, on_loss, revision) = (Mode::Enforce, OnLoss::Closed, 1);
    Limit { id, tenant, set_by, reach, meter, quota, period, burst, mode, on_loss, created_at, revision }
}

/// A team and a user of each of two tenants, and what the installation has set on the first one's, numbered 1 and 2.
fn records() -> Records {
    let team = |id, tenant, name: &str| {
        let (name, grant) = (name.to_owned(), Grant::default());
        Team { id, tenant, name, enabled: true, grant, created_at: Timestamp::EPOCH, revision: 1 }
    };
    let user = User {
        id: ADA,
        tenant: ACME,
        team: Some(SEARCH),
        name: "ada".to_owned(),
        enabled: true,
        grant: Grant::default(),
        created_at: Timestamp::EPOCH,
        revision: 1,
    };
    let set = [Reach::One(Scope::Team(SEARCH)), Reach::One(Scope::User(ADA))];
    let budgets = (1..).zip(&set).map(|(number, reach)| budget(number, ACME, Realm::Installation, reach.clone()));
    let limits = (1..).zip(&set).map(|(number, reach)| limit(number, ACME, Realm::Installation, reach.clone()));
    Records {
        teams: vec![team(SEARCH, ACME, "search"), team(OTHERS, BETA, "others")],
        users: vec![user],
        budgets: budgets.collect(),
        limits: limits.collect(),
        ..Records::default()
    }
}

fn passes(realm: Realm, changes: &[Change]) -> bool {
    are_within(realm, changes, &within(realm, records()))
}

/// Whether a budget and a limit both pass, or neither; numbered 7, which is nobody's yet.
#[track_caller]
fn both(realm: Realm, tenant: TenantId, set_by: Realm, reach: &Reach) -> bool {
    let one = passes(realm, &[Change::PutBudget(budget(7, tenant, set_by, reach.clone()))]);
    assert_eq!(one, passes(realm, &[Change::PutLimit(limit(7, tenant, set_by, reach.clone()))]), "{reach:?}");
    one
}

#[test]
fn a19_the_wall_lets_a_tenant_set_things_on_its_own_only() {
    let tag = |tenant| Scope::Tag(tenant, "blue".into());
    let customer = |tenant| Scope::EndUser(tenant, "customer".into());
    for own in [Scope::Tenant(ACME), Scope::Team(SEARCH), Scope::User(ADA), tag(ACME), customer(ACME)] {
        assert!(both(OWN, ACME, OWN, &Reach::One(own.clone())), "{own:?}");
        assert!(!both(OWN, BETA, OWN, &Reach::One(own.clone())), "{own:?} as another's");
        assert!(!both(OWN, ACME, Realm::Installation, &Reach::One(own.clone())), "{own:?} as if from above");
        assert!(!both(OWN, ACME, Realm::Tenant(BETA), &Reach::One(own)), "as if by another");
    }
    for other in [
        Scope::Global,
        Scope::Tenant(BETA),
        Scope::Team(OTHERS),
        Scope::User(UserId::from_bits(9)),
        Scope::VirtualKey(keyward_domain::token::TokenId::from_bits(9)),
        tag(BETA),
        customer(BETA),
        Scope::Provider(ProviderId::from_bits(1)),
        Scope::Model(ACME, "openai/gpt-4o".into()),
    ] {
        assert!(!both(OWN, ACME, OWN, &Reach::One(other.clone())), "{other:?}");
    }
    for kind in ScopeKind::ALL {
        let is_own = kind.is_callers() && !matches!(kind, ScopeKind::Global | ScopeKind::Tenant);
        assert_eq!(both(OWN, ACME, OWN, &Reach::Each(kind)), is_own, "{kind:?}");
    }
    let team = Realm::Team(ACME, SEARCH);
    assert!(!both(team, ACME, team, &Reach::One(Scope::User(ADA))), "a team sets nothing");
}

#[test]
fn a19_the_wall_keeps_what_was_set_above() {
    let reach = Reach::One(Scope::Team(SEARCH));
    for set_by in [OWN, Realm::Installation] {
        assert!(!passes(OWN, &[Change::PutBudget(budget(1, ACME, set_by, reach.clone()))]), "{set_by:?}");
        assert!(!passes(OWN, &[Change::PutLimit(limit(1, ACME, set_by, reach.clone()))]), "{set_by:?}");
    }
    let (of_team, of_user) = (Change::RemoveBudget(BudgetId::from_bits(1)), Change::RemoveLimit(LimitId::from_bits(2)));
    assert!(!passes(OWN, std::slice::from_ref(&of_team)) && !passes(OWN, std::slice::from_ref(&of_user)));
    // It goes with what it was set on, and with nothing else.
    assert!(passes(OWN, &[of_team.clone(), Change::RemoveTeam(SEARCH)]));
    assert!(!passes(OWN, &[of_team, Change::RemoveUser(ADA)]));
    for realm in [OWN, Realm::Team(ACME, SEARCH)] {
        assert!(passes(realm, &[of_user.clone(), Change::RemoveUser(ADA)]), "{realm:?}");
        assert!(!passes(realm, &[Change::RemoveBudget(BudgetId::from_bits(9))]), "{realm:?}: not there");
    }
    assert!(!passes(Realm::Tenant(BETA), &[of_user, Change::RemoveUser(ADA)]));
}
