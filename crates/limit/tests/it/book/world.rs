//! Calls, budgets and a ledger to try the book with.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use keyward_domain::budget::{Budget, BudgetKind, HoldMode, Mode};
use keyward_domain::dialect::{Dialect, Operation};
use keyward_domain::ids::{BudgetId, CredentialId, ProviderId, RequestId, TeamId, TenantId, UserId};
use keyward_domain::ledger::{AttemptId, AttemptOutcome, Attributed, Entry, Spend, SpendQuery, Subject};
use keyward_domain::money::Nanodollars;
use keyward_domain::principal::Realm;
use keyward_domain::scope::{Reach, Scope};
use keyward_domain::time::Timestamp;
use keyward_domain::token::TokenId;
use keyward_domain::usage::{Usage, UsageSource};
use keyward_domain::window::{Period, Windows, quarter_of};

/// 2026-11-20, noon UTC.
pub(super) const NOON: Timestamp = Timestamp::from_unix_millis(1_795_176_000_000);
pub(super) const DAY: Duration = Duration::from_hours(24);
pub(super) const TENANT: TenantId = TenantId::from_bits(1);
pub(super) const CENT: i64 = 10_000_000;

/// A budget per UTC day on this.
pub(super) fn budget(number: u128, reach: Reach, amount: i64) -> Budget {
    Budget {
        id: BudgetId::from_bits(number),
        tenant: TENANT,
        set_by: Realm::Installation,
        reach,
        amount: Nanodollars(amount),
        windows: Windows::utc(Period::Day),
        kind: BudgetKind::Hard,
        mode: Mode::Enforce,
        hold: HoldMode::Adaptive,
        alert_at: Vec::new(),
        top_ups: Vec::new(),
        created_at: NOON,
        revision: 1,
    }
}

pub(super) fn one(number: u128, scope: Scope, amount: i64) -> Budget {
    budget(number, Reach::One(scope), amount)
}

pub(super) fn windows(mut budget: Budget, period: Period) -> Budget {
    budget.windows = Windows::utc(period);
    budget
}

/// A call that touches every kind of scope.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) end_user: Arc<str>,
    pub(super) tags: Vec<Arc<str>>,
    pub(super) credential: u128,
    pub(super) at: Timestamp,
}

impl Call {
    pub(super) fn at(at: Timestamp) -> Self {
        Self { end_user: "eva".into(), tags: vec!["blue".into(), "red".into()], credential: 6, at }
    }

    pub(super) fn of(end_user: &str) -> Self {
        Self { end_user: end_user.into(), ..Self::at(NOON) }
    }

    pub(super) fn subject(&self, attempt: AttemptId) -> Subject {
        Subject {
            attempt,
            at: self.at,
            tenant: TENANT,
            virtual_key: TokenId::from_bits(4),
            provider: ProviderId::from_bits(5),
            provider_name: "north".into(),
            credential: CredentialId::from_bits(self.credential),
            credential_name: "main".into(),
            requested_model: "small".into(),
            model: "small".into(),
            dialect: Dialect::OpenAi,
            operation: Operation::Chat,
            streamed: false,
            reserved: None,
            price_version: "1".into(),
            attributed: Some(Arc::new(Attributed {
                team: Some(TeamId::from_bits(2)),
                user: Some(UserId::from_bits(3)),
                end_user: Some(Arc::clone(&self.end_user)),
                tags: self.tags.clone(),
            })),
            trace: None,
            named: None,
        }
    }

    pub(super) fn scopes(&self) -> Vec<Scope> {
        self.subject(attempt(0)).scopes()
    }

    pub(super) fn row(&self, number: u128, cost: Option<i64>) -> Entry {
        Entry {
            subject: self.subject(attempt(number)),
            outcome: AttemptOutcome::Completed,
            status: 200,
            usage: Usage::default(),
            source: UsageSource::Provider,
            cost: cost.map(Nanodollars),
            raw_usage: None,
            duration: Duration::ZERO,
            first_content: None,
            overhead: Duration::ZERO,
        }
    }
}

pub(super) fn attempt(number: u128) -> AttemptId {
    AttemptId { request: RequestId::from_bits(number), number: 1 }
}

/// The rows of a store, and their sums as a store gives them.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) rows: Vec<Entry>,
}

impl Ledger {
    pub(super) fn spend(&self, query: &SpendQuery) -> Vec<Spend> {
        let mut sums: BTreeMap<(Scope, Timestamp), i64> = BTreeMap::new();
        for row in &self.rows {
            let quarter = quarter_of(row.subject.at);
            let wanted =
                |scope: &Scope| scope.kind() == query.kind && query.scope.as_ref().is_none_or(|only| only == scope);
            if quarter >= query.since && quarter < query.until {
                for scope in row.subject.scopes().into_iter().filter(wanted) {
                    *sums.entry((scope, quarter)).or_default() += row.cost.unwrap_or_default().0;
                }
            }
        }
        let spend = |((scope, quarter), cost)| Spend {
            scope,
            quarter,
            attempts: 1,
            cost: Nanodollars(cost),
            unpriced: 0,
            input_tokens: 0,
            output_tokens: 0,
        };
        sums.into_iter().map(spend).collect()
    }
}
