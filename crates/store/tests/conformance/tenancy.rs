//! Tenants, teams, users, and what they may spend and use.

use keyward_domain::budget::{Budget, BudgetKind, HoldMode, Mode, TopUp};
use keyward_domain::ids::{BudgetId, LimitId, TeamId, TenantId, UserId};
use keyward_domain::limit::{Limit, LimitPeriod, Meter, OnLoss};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::{Change, Store, StoreError};
use keyward_domain::principal::Realm;
use keyward_domain::scope::{Reach, Scope, ScopeKind};
use keyward_domain::tenancy::{Team, Tenant, User};
use keyward_domain::virtual_key::Grant;
use keyward_domain::window::{Period, WeekStart, Windows};

use crate::support::START;
use crate::support::record::{audit, virtual_key};

fn tenant() -> Tenant {
    let grant = Grant { models: vec!["gpt-*".to_owned()], ..Grant::default() };
    Tenant {
        id: TenantId::from_bits(71),
        name: "acme".to_owned(),
        enabled: true,
        grant,
        created_at: START,
        revision: 1,
    }
}

fn team() -> Team {
    let (id, tenant) = (TeamId::from_bits(72), TenantId::from_bits(71));
    Team {
        id,
        tenant,
        name: "research".to_owned(),
        enabled: true,
        grant: Grant::default(),
        created_at: START,
        revision: 1,
    }
}

fn user() -> User {
    User {
        id: UserId::from_bits(73),
        tenant: TenantId::from_bits(71),
        team: Some(TeamId::from_bits(72)),
        name: "ada".to_owned(),
        enabled: false,
        grant: Grant::default(),
        created_at: START,
        revision: 1,
    }
}

fn budget() -> Budget {
    Budget {
        id: BudgetId::from_bits(74),
        tenant: TenantId::from_bits(71),
        set_by: Realm::Tenant(TenantId::from_bits(71)),
        reach: Reach::One(Scope::Team(TeamId::from_bits(72))),
        amount: Nanodollars(100),
        windows: Windows { period: Period::Week { starts: WeekStart::Sunday }, zone: "Asia/Seoul".parse().unwrap() },
        kind: BudgetKind::Soft,
        mode: Mode::Observe,
        hold: HoldMode::Strict,
        alert_at: vec![500, 1000],
        top_ups: vec![TopUp { amount: Nanodollars(5), until: START }],
        created_at: START,
        revision: 1,
    }
}

fn limit() -> Limit {
    Limit {
        id: LimitId::from_bits(75),
        tenant: TenantId::from_bits(71),
        set_by: Realm::Tenant(TenantId::from_bits(71)),
        reach: Reach::Each(ScopeKind::EndUser),
        meter: Meter::OutputTokens,
        quota: 9,
        period: Some(LimitPeriod::Hour),
        burst: Some(3),
        mode: Mode::Enforce,
        on_loss: OnLoss::Closed,
        created_at: START,
        revision: 1,
    }
}

fn all() -> [Change; 5] {
    [
        Change::PutTenant(tenant()),
        Change::PutTeam(team()),
        Change::PutUser(user()),
        Change::PutBudget(budget()),
        Change::PutLimit(limit()),
    ]
}

pub fn tenants_teams_users_budgets_and_limits_come_back(store: &dyn Store) {
    store.commit(&all(), &audit(1)).unwrap();
    let records = store.load().unwrap();
    assert_eq!((records.tenants, records.teams, records.users), (vec![tenant()], vec![team()], vec![user()]));
    assert_eq!((records.budgets, records.limits), (vec![budget()], vec![limit()]));

    let taken = Team { id: TeamId::from_bits(99), ..team() };
    assert!(matches!(store.commit(&[Change::PutTeam(taken)], &audit(2)), Err(StoreError::Duplicate(_))));
    let raised = Budget { amount: Nanodollars(7), revision: 2, ..budget() };
    store.commit(&[Change::PutBudget(raised.clone())], &audit(3)).unwrap();
    assert!(matches!(store.commit(&[Change::PutBudget(raised.clone())], &audit(4)), Err(StoreError::Conflict(_))));
    assert_eq!(store.load().unwrap().budgets, [raised]);

    let removals = [
        Change::RemoveLimit(limit().id),
        Change::RemoveBudget(budget().id),
        Change::RemoveUser(user().id),
        Change::RemoveTeam(team().id),
        Change::RemoveTenant(tenant().id),
    ];
    store.commit(&removals, &audit(5)).unwrap();
    let records = store.load().unwrap();
    assert!(records.tenants.is_empty() && records.teams.is_empty() && records.users.is_empty());
    assert!(records.budgets.is_empty() && records.limits.is_empty());
    for removal in removals {
        assert!(matches!(store.commit(&[removal], &audit(6)), Err(StoreError::Conflict(_))));
    }
}

pub fn who_has_something_stays(store: &dyn Store) {
    store.commit(&all(), &audit(1)).unwrap();
    let mut key = virtual_key(9, "app");
    (key.tenant, key.user, key.team) = (tenant().id, Some(user().id), Some(team().id));
    store.commit(&[Change::PutVirtualKey(key)], &audit(2)).unwrap();
    let in_use = |removal| matches!(store.commit(&[removal], &audit(3)), Err(StoreError::InUse(_)));
    assert!(in_use(Change::RemoveUser(user().id)));
    assert!(in_use(Change::RemoveTeam(team().id)));
    assert!(in_use(Change::RemoveTenant(tenant().id)));
    assert_eq!(store.load().unwrap().teams, [team()]);
}
