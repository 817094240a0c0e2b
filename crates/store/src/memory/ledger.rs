//! The ledger in memory.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::Duration;

use keyward_domain::call_name::{Digest, MAX_NAMED_CALLS, NamedCall};
use keyward_domain::ids::RequestId;
use keyward_domain::ledger::{
    AttemptId, AttemptOutcome, Entry, EntryFilter, MAX_ENTRIES, ReconcileQuery, Reconciliation, Refusal, RequestFilter,
    RequestRow, Spend, SpendQuery, Subject,
};
use keyward_domain::port::LedgerTotals;
use keyward_domain::scope::Scope;
use keyward_domain::time::Timestamp;
use keyward_domain::window::quarter_of;

use crate::sums::{self, Sums};
use crate::{code, page};

#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: BTreeMap<AttemptId, Entry>,
    refusals: BTreeMap<RequestId, Refusal>,
    total: Sums,
    /// By name.
    named: BTreeMap<Digest, NamedCall>,
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
        self.total.add(&sums);
        self.entries.insert(entry.subject.attempt, as_kept(entry));
        if let Some(call) = NamedCall::of(entry) {
            let known = self.named.entry(call.name.name).or_insert(call);
            if call.ended_at >= known.ended_at {
                *known = call;
            }
        }
        true
    }

    /// The latest first.
    pub(super) fn named_calls(&self, since: Timestamp, limit: u32) -> Vec<NamedCall> {
        let mut newest: Vec<_> = self.named.values().filter(|call| call.ended_at >= since).copied().collect();
        newest.sort_unstable_by_key(|call| Reverse((call.ended_at, call.name.name)));
        newest.truncate(usize::try_from(limit.min(MAX_NAMED_CALLS)).unwrap_or(usize::MAX));
        newest
    }

    pub(super) fn forget_named_calls(&mut self, before: Timestamp) {
        let kept = self.named_calls(before, MAX_NAMED_CALLS);
        self.named = kept.into_iter().map(|call| (call.name.name, call)).collect();
    }

    /// Whether an entry of this attempt is there.
    pub(super) fn has(&self, entry: &Entry) -> bool {
        self.entries.contains_key(&entry.subject.attempt)
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

    /// Rows by when their attempts began, in the order of their ids.
    pub(super) fn entries(&self, filter: &EntryFilter) -> Vec<Entry> {
        let first = filter.after.map_or(Bound::Unbounded, Bound::Excluded);
        let rows = self.entries.range((first, Bound::Unbounded)).map(|(_, entry)| entry);
        let wanted = rows.filter(|entry| (filter.since..filter.until).contains(&entry.subject.at));
        wanted.take(usize::try_from(filter.limit.min(MAX_ENTRIES)).unwrap_or(usize::MAX)).cloned().collect()
    }

    /// Scopes have no sums of their own here, so only the total could differ.
    pub(super) fn reconcile(&self, query: &ReconcileQuery) -> Reconciliation {
        let (first, end) = sums::quarters_between(query.since, query.until);
        let in_range = |entry: &&Entry| (first..end).contains(&sums::quarter_number(entry.subject.at));
        let rows = u64::try_from(self.entries.values().filter(in_range).count()).unwrap_or(u64::MAX);
        let mut all = Sums::default();
        self.entries.values().for_each(|entry| all.add(&Sums::of(entry)));
        let mut found = Reconciliation { rows, ..Reconciliation::default() };
        found.compare(|| None, all.figures(), self.total.figures());
        found
    }

    pub(super) fn totals(&self) -> LedgerTotals {
        let Sums { attempts: entries, cost, unsettled, .. } = self.total;
        LedgerTotals { entries, cost, unpriced: self.total.unpriced(), unsettled }
    }
}

/// The entry with what a database keeps of it: whole microseconds, raw usage only when it fits, its name elsewhere.
fn as_kept(entry: &Entry) -> Entry {
    let kept = |length: Duration| Duration::from_micros(code::micros(length));
    Entry {
        duration: kept(entry.duration),
        first_content: entry.first_content.map(kept),
        overhead: kept(entry.overhead),
        raw_usage: code::fitting_raw_usage(entry.raw_usage.as_deref()).map(Into::into),
        subject: Subject { named: None, ..entry.subject.clone() },
        ..entry.clone()
    }
}

/// A request failed when it was refused, or when its last attempt did not complete.
fn is_wanted(row: &RequestRow, filter: &RequestFilter) -> bool {
    let completed = row.made().next_back().is_some_and(|last| last.outcome == AttemptOutcome::Completed);
    let of_key = |key| {
        row.attempts.iter().any(|entry| entry.subject.virtual_key == key)
            || row.refusal.as_ref().is_some_and(|refusal| refusal.virtual_key == key)
    };
    let of_tenant = |tenant| {
        row.attempts.iter().any(|entry| entry.subject.tenant == tenant)
            || row.refusal.as_ref().is_some_and(|refusal| refusal.tenant == tenant)
    };
    (!filter.failed_only || row.refusal.is_some() || !completed)
        && filter.virtual_key.is_none_or(of_key)
        && filter.tenant.is_none_or(of_tenant)
}
