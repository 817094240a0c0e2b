//! The ledger in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use keyward_domain::dialect::{Dialect, Operation};
use keyward_domain::ids::{CredentialId, RequestId, TenantId};
use keyward_domain::ledger::{
    AttemptId, AttemptOutcome, Dimension, Entry, Refusal, RequestFilter, RequestRow, Spend, SpendQuery, UsageQuery,
    UsageRow,
};
use keyward_domain::port::LedgerTotals;
use keyward_domain::scope::Scope;
use keyward_domain::time::Timestamp;
use keyward_domain::token::TokenId;
use keyward_domain::window::quarter_of;

use crate::sums::{self, Sums, SumsBy, add_to};
use crate::{code, page};

#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: BTreeMap<AttemptId, Entry>,
    refusals: BTreeMap<RequestId, Refusal>,
    rollup: SumsBy<Group>,
    total: Sums,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Group {
    hour: i64,
    tenant: TenantId,
    virtual_key: TokenId,
    provider: Arc<str>,
    credential: CredentialId,
    model: Arc<str>,
    dialect: Dialect,
    operation: Operation,
}

impl Ledger {
    /// Says of each row whether it was new.
    pub(super) fn append(&mut self, entries: &[Entry], refusals: &[Refusal]) -> Vec<bool> {
        let new = entries.iter().map(|entry| self.append_one(entry)).collect();
        for refusal in refusals {
            self.refusals.entry(refusal.request).or_insert_with(|| refusal.clone());
        }
        new
    }

    fn append_one(&mut self, entry: &Entry) -> bool {
        if self.entries.contains_key(&entry.subject.attempt) {
            return false;
        }
        let sums = Sums::of(entry);
        add_to(&mut self.rollup, Group::of(entry), &sums);
        self.total.add(&sums);
        self.entries.insert(entry.subject.attempt, as_kept(entry));
        true
    }

    /// What scopes used, summed from the rows themselves.
    pub(super) fn spend(&self, query: &SpendQuery) -> Vec<Spend> {
        let quarters = quarter_of(query.since)..query.until;
        let mut sums = BTreeMap::<(Scope, Timestamp), Sums>::new();
        for entry in self.entries.values().filter(|entry| quarters.contains(&quarter_of(entry.subject.at))) {
            let wanted =
                |scope: &Scope| scope.kind() == query.kind && query.scope.as_ref().is_none_or(|one| one == scope);
            for scope in entry.subject.scopes().into_iter().filter(wanted) {
                sums.entry((scope, quarter_of(entry.subject.at))).or_default().add(&Sums::of(entry));
            }
        }
        sums.into_iter().map(|((scope, quarter), sums)| sums.into_spend(scope, quarter)).collect()
    }

    pub(super) fn requests(&self, filter: &RequestFilter) -> Vec<RequestRow> {
        let (from, before) = page::between(filter);
        if from >= before {
            return Vec::new();
        }
        let attempts = AttemptId { request: from, number: 0 }..AttemptId { request: before, number: 0 };
        let attempted = self.entries.range(attempts).map(|(attempt, _)| attempt.request);
        let refused = self.refusals.range(from..before).map(|(request, _)| *request);
        let requests: BTreeSet<RequestId> = attempted.chain(refused).collect();
        let rows = requests.into_iter().rev().filter_map(|request| self.request(request));
        let wanted = rows.filter(|row| is_wanted(row, filter));
        wanted.take(usize::try_from(page::length(filter.limit)).unwrap_or(usize::MAX)).collect()
    }

    pub(super) fn request(&self, id: RequestId) -> Option<RequestRow> {
        let numbers = AttemptId { request: id, number: 0 }..=AttemptId { request: id, number: u8::MAX };
        let attempts: Vec<Entry> = self.entries.range(numbers).map(|(_, entry)| entry.clone()).collect();
        let refusal = self.refusals.get(&id).cloned();
        (refusal.is_some() || !attempts.is_empty()).then_some(RequestRow { request: id, attempts, refusal })
    }

    pub(super) fn usage(&self, query: &UsageQuery) -> Vec<UsageRow> {
        let (first, end) = sums::hours_between(query.since, query.until);
        let mut groups = SumsBy::<Vec<String>>::default();
        if query.group_by.is_empty() {
            groups.insert(Vec::new(), Sums::default());
        }
        for (group, sums) in self.rollup.iter().filter(|(group, _)| (first..end).contains(&group.hour)) {
            let key = query.group_by.iter().map(|dimension| group.name(*dimension)).collect();
            add_to(&mut groups, key, sums);
        }
        let mut rows: Vec<UsageRow> = groups.into_iter().map(|(group, sums)| sums.into_row(group)).collect();
        sums::sort(&mut rows, &query.group_by);
        rows
    }

    pub(super) fn totals(&self) -> LedgerTotals {
        let Sums { attempts: entries, cost, unpriced, unsettled, .. } = self.total;
        LedgerTotals { entries, cost, unpriced, unsettled }
    }
}

impl Group {
    fn of(entry: &Entry) -> Self {
        let subject = &entry.subject;
        Self {
            hour: sums::hour_of(subject.at),
            tenant: subject.tenant,
            virtual_key: subject.virtual_key,
            provider: subject.provider_name.clone(),
            credential: subject.credential,
            model: subject.model.clone(),
            dialect: subject.dialect,
            operation: subject.operation,
        }
    }

    fn name(&self, dimension: Dimension) -> String {
        match dimension {
            Dimension::Day | Dimension::Hour => sums::beginning(dimension, self.hour).to_string(),
            Dimension::VirtualKey => self.virtual_key.to_string(),
            Dimension::Provider => self.provider.to_string(),
            Dimension::Credential => self.credential.to_string(),
            Dimension::Model => self.model.to_string(),
            Dimension::Dialect => self.dialect.as_str().to_owned(),
            Dimension::Operation => self.operation.as_str().to_owned(),
        }
    }
}

/// The entry with what a database keeps of it: whole microseconds, raw usage only when it fits.
fn as_kept(entry: &Entry) -> Entry {
    let kept = |length: Duration| Duration::from_micros(code::micros(length));
    Entry {
        duration: kept(entry.duration),
        first_content: entry.first_content.map(kept),
        overhead: kept(entry.overhead),
        raw_usage: code::fitting_raw_usage(entry.raw_usage.as_deref()).map(Into::into),
        ..entry.clone()
    }
}

/// A request failed when it was refused, or when its last attempt did not complete.
fn is_wanted(row: &RequestRow, filter: &RequestFilter) -> bool {
    let completed = row.attempts.last().is_some_and(|last| last.outcome == AttemptOutcome::Completed);
    let of_key = |key| {
        row.attempts.iter().any(|entry| entry.subject.virtual_key == key)
            || row.refusal.as_ref().is_some_and(|refusal| refusal.virtual_key == key)
    };
    (!filter.failed_only || row.refusal.is_some() || !completed) && filter.virtual_key.is_none_or(of_key)
}
