//! What scopes used: sums of exactly the rows that touch them.

use std::sync::Arc;
use std::time::Duration;

use keyward_domain::ids::{CredentialId, TeamId, TenantId, UserId};
use keyward_domain::ledger::{AttemptOutcome, Attributed, Entry, Spend, SpendQuery};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::Store;
use keyward_domain::scope::{Scope, ScopeKind};
use keyward_domain::token::TokenId;
use keyward_domain::window::{QUARTER, quarter_of};

use crate::support::START;
use crate::support::row::{COST, entry};

/// A row that touches a scope of every kind.
pub fn attributed(n: u32) -> Entry {
    let mut row = entry(n);
    row.subject.attributed = Some(Arc::new(Attributed {
        team: Some(TeamId::from_bits(31)),
        user: Some(UserId::from_bits(32)),
        end_user: Some("customer/7".into()),
        tags: vec!["batch".into(), "nightly".into()],
    }));
    row
}

fn of(kind: ScopeKind) -> SpendQuery {
    SpendQuery { kind, scope: None, since: START, until: START.plus(Duration::from_hours(3)) }
}

pub fn whom_a_row_is_attributed_to_comes_back(store: &dyn Store) {
    let mut alone = entry(2);
    alone.subject.attributed = Some(Arc::new(Attributed { tags: vec!["one".into()], ..Attributed::default() }));
    store.append(&[attributed(1), alone.clone(), entry(3)], &[]).unwrap();
    for row in [attributed(1), alone, entry(3)] {
        assert_eq!(store.request(row.subject.attempt.request).unwrap().unwrap().attempts, [row]);
    }
}

pub fn a_row_counts_in_every_scope_that_it_touches(store: &dyn Store) {
    store.append(&[attributed(1), attributed(2), entry(3)], &[]).unwrap();
    for scope in attributed(1).subject.scopes() {
        let touched = if matches!(scope.kind(), ScopeKind::Team | ScopeKind::User | ScopeKind::EndUser | ScopeKind::Tag)
        {
            2
        } else {
            3
        };
        let one = SpendQuery { scope: Some(scope.clone()), ..of(scope.kind()) };
        let sum = Spend {
            scope,
            quarter: quarter_of(START),
            attempts: touched,
            cost: Nanodollars(COST.0 * i64::try_from(touched).unwrap()),
            unpriced: 0,
            input_tokens: 120 * touched,
            output_tokens: 34 * touched,
        };
        assert_eq!(store.spend(&one).unwrap(), [sum]);
    }
    let tags: Vec<Scope> = store.spend(&of(ScopeKind::Tag)).unwrap().into_iter().map(|spend| spend.scope).collect();
    let tag = |name: &str| Scope::Tag(TenantId::DEFAULT, name.into());
    assert_eq!(tags, [tag("batch"), tag("nightly")]);
}

pub fn a_repeated_row_is_not_new_and_counts_once(store: &dyn Store) {
    assert_eq!(store.append(&[entry(1), entry(2), entry(1)], &[]).unwrap(), [true, true, false]);
    assert_eq!(store.append(&[entry(2), entry(3)], &[]).unwrap(), [false, true]);
    let global = store.spend(&of(ScopeKind::Global)).unwrap();
    assert_eq!((global.len(), global[0].attempts, global[0].cost), (1, 3, Nanodollars(3 * COST.0)));
}

pub fn quarters_go_by_when_attempts_began(store: &dyn Store) {
    let quarter = u32::try_from(QUARTER.as_secs()).unwrap();
    let first = u32::try_from(quarter_of(START).plus(QUARTER).since(START).as_secs()).unwrap();
    store.append(&[entry(first - 1), entry(first), entry(first + quarter)], &[]).unwrap();
    let quarters: Vec<_> =
        store.spend(&of(ScopeKind::Tenant)).unwrap().into_iter().map(|spend| (spend.quarter, spend.attempts)).collect();
    let begin = quarter_of(START);
    assert_eq!(quarters, [(begin, 1), (begin.plus(QUARTER), 1), (begin.plus(2 * QUARTER), 1)]);
    // From the quarter of the first moment on, up to the last one exclusive.
    let since = START.plus(Duration::from_secs(first.into()));
    let some = SpendQuery { since, until: since.plus(QUARTER), ..of(ScopeKind::Tenant) };
    assert_eq!(store.spend(&some).unwrap().len(), 1);
    assert_eq!(
        store.spend(&SpendQuery { until: since.plus(QUARTER + Duration::from_millis(1)), ..some }).unwrap().len(),
        2
    );
}

pub fn corrections_change_what_was_spent_and_are_no_attempts(store: &dyn Store) {
    let mut correction = Entry { outcome: AttemptOutcome::Correction, cost: Some(Nanodollars(-5_000)), ..entry(1) };
    correction.subject.attempt.number = 200;
    correction.usage = keyward_domain::usage::Usage::default();
    store.append(&[entry(1), correction, Entry { cost: None, ..entry(2) }], &[]).unwrap();
    let key =
        SpendQuery { scope: Some(Scope::VirtualKey(TokenId::from_bits(u64::MAX - 1))), ..of(ScopeKind::VirtualKey) };
    let spends = store.spend(&key).unwrap();
    let (attempts, unpriced, cost) = (spends[0].attempts, spends[0].unpriced, spends[0].cost);
    assert_eq!((spends.len(), attempts, unpriced, cost), (1, 2, 1, Nanodollars(COST.0 - 5_000)));
    let nobody =
        SpendQuery { scope: Some(Scope::Credential(CredentialId::from_bits(999))), ..of(ScopeKind::Credential) };
    assert_eq!(store.spend(&nobody).unwrap(), []);
}
