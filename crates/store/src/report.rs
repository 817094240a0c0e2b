//! Usage summed from the ledger's rows themselves: by what no running total knows, and in memory always.

use std::collections::BTreeSet;

use keyward_domain::ledger::{Dimension, Entry, EntryFilter, MAX_ENTRIES, UsageQuery, UsageRow};
use keyward_domain::port::{Store, StoreError};

use crate::sums::{self, Calendar, Sums, SumsBy, add_to};

/// Whether the question is about what the running totals do not know: there are as many end users and sets of tags as
/// callers make up.
pub(crate) fn needs_rows(query: &UsageQuery) -> bool {
    query.group_by.iter().any(|dimension| matches!(dimension, Dimension::EndUser | Dimension::Tag))
}

/// Sums the rows of a store, page by page, so that nobody waits for long.
pub(crate) fn of_rows(store: &dyn Store, query: &UsageQuery) -> Result<Vec<UsageRow>, StoreError> {
    let (first, end) = sums::quarters_between(query.since, query.until);
    let (since, until) = (sums::quarter_beginning(first), sums::quarter_beginning(end));
    let mut filter = EntryFilter { since, until, after: None, limit: MAX_ENTRIES };
    let mut report = Report::new(query);
    loop {
        let page = store.entries(&filter)?;
        for entry in &page {
            report.add(entry);
        }
        filter.after = page.last().map(|last| last.subject.attempt);
        if page.len() < usize::try_from(MAX_ENTRIES).unwrap_or(usize::MAX) {
            return Ok(report.into_rows());
        }
    }
}

struct Report<'q> {
    query: &'q UsageQuery,
    calendar: Calendar,
    groups: SumsBy<Vec<String>>,
}

impl<'q> Report<'q> {
    fn new(query: &'q UsageQuery) -> Self {
        let mut groups = SumsBy::default();
        if query.group_by.is_empty() {
            groups.insert(Vec::new(), Sums::default());
        }
        Self { query, calendar: Calendar::of(&query.zone), groups }
    }

    /// A row counts in one group, or in several when it has several tags.
    fn add(&mut self, entry: &Entry) {
        let sums = Sums::of(entry);
        let mut keys = vec![Vec::with_capacity(self.query.group_by.len())];
        for dimension in &self.query.group_by {
            let values = values(*dimension, entry, &mut self.calendar);
            keys = keys.iter().flat_map(|key| values.iter().map(|value| extended(key, value))).collect();
        }
        for key in keys {
            add_to(&mut self.groups, key, &sums);
        }
    }

    fn into_rows(self) -> Vec<UsageRow> {
        let mut rows: Vec<UsageRow> = self.groups.into_iter().map(|(group, sums)| sums.into_row(group)).collect();
        sums::sort(&mut rows, &self.query.group_by);
        rows
    }
}

fn extended(key: &[String], value: &str) -> Vec<String> {
    key.iter().cloned().chain([value.to_owned()]).collect()
}

/// The groups of one dimension that a row counts in: one, save for tags.
fn values(dimension: Dimension, entry: &Entry, calendar: &mut Calendar) -> Vec<String> {
    let subject = &entry.subject;
    let to = subject.attributed.as_deref();
    if dimension == Dimension::Tag {
        let tags: BTreeSet<String> = to.into_iter().flat_map(|to| &to.tags).map(ToString::to_string).collect();
        return if tags.is_empty() { vec![String::new()] } else { tags.into_iter().collect() };
    }
    vec![match dimension {
        Dimension::Hour | Dimension::Day | Dimension::Week | Dimension::Month | Dimension::Tag => {
            let quarter = sums::quarter_beginning(sums::quarter_number(subject.at));
            dimension.period().map(|period| calendar.beginning(period, quarter).to_string()).unwrap_or_default()
        }
        Dimension::Tenant => subject.tenant.to_string(),
        Dimension::Team => to.and_then(|to| to.team).map(|id| id.to_string()).unwrap_or_default(),
        Dimension::User => to.and_then(|to| to.user).map(|id| id.to_string()).unwrap_or_default(),
        Dimension::EndUser => to.and_then(|to| to.end_user.as_deref()).unwrap_or_default().to_owned(),
        Dimension::VirtualKey => subject.virtual_key.to_string(),
        Dimension::Provider => subject.provider_name.to_string(),
        Dimension::Credential => subject.credential.to_string(),
        Dimension::Model => subject.model.to_string(),
        Dimension::Dialect => subject.dialect.as_str().to_owned(),
        Dimension::Operation => subject.operation.as_str().to_owned(),
    }]
}
