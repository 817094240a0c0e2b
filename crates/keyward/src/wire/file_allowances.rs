//! The file's budgets and limits -> records, with the names of their scopes looked up.

use keyward_admin::control::resolve_reach;
use keyward_admin::field::{PeriodText, ReachText};
use keyward_domain::budget::Budget;
use keyward_domain::ids::{BudgetId, LimitId, TenantId};
use keyward_domain::limit::{Limit, LimitPeriod};
use keyward_domain::port::Records;
use keyward_domain::scope::Reach;
use keyward_domain::time::Timestamp;

use super::file_records::fingerprint;
use crate::config::Config;

/// A record that the file owns, and where it stands in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct FromFile<T> {
    /// The record.
    pub record: T,
    /// Its path in the file, such as `budgets.global`.
    pub path: String,
}

/// Budgets and limits of the file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FileAllowances {
    /// Budgets.
    pub budgets: Vec<FromFile<Budget>>,
    /// Limits.
    pub limits: Vec<FromFile<Limit>>,
}

impl FileAllowances {
    /// Those of this config. `records` are the objects that scopes may name, the file's own ones among them. Everything
    /// that is wrong is told at once, with its place.
    pub fn of(config: &Config, records: &Records, now: Timestamp) -> Result<Self, Vec<String>> {
        let (mut allowances, mut wrong) = (Self::default(), Vec::new());
        for file in &config.budgets {
            let made = resolve(records, &file.set.scope).and_then(|(tenant, reach)| {
                let window = file.set.per.map(|per| per.to_string()).unwrap_or_default();
                let id = BudgetId::from_parts(Timestamp::EPOCH, print("budget", tenant, &reach, &window));
                // A top-up that has ended is no reason to refuse the file that it once was written into.
                let budget = file.set.made(id, tenant, reach, Timestamp::EPOCH).map_err(|error| error.message())?;
                Ok(Budget { created_at: now, ..budget })
            });
            match made {
                Ok(budget) if allowances.budgets.iter().any(|other| is_same_budget(&other.record, &budget)) => {
                    wrong.push(format!("{}: `{}` has this window already under another name", file.place, file.path));
                }
                Ok(record) => allowances.budgets.push(FromFile { record, path: file.path.clone() }),
                Err(what) => wrong.push(format!("{}: `{}`: {what}", file.place, file.path)),
            }
        }
        for file in &config.call_limits {
            let made = resolve(records, &file.set.scope).and_then(|(tenant, reach)| {
                let meter = format!("{}/{}", file.set.meter.as_str(), file.set.per.map_or("", LimitPeriod::as_str));
                let id = LimitId::from_parts(Timestamp::EPOCH, print("limit", tenant, &reach, &meter));
                file.set.made(id, tenant, reach, now).map_err(|error| error.message())
            });
            match made {
                Ok(limit) if allowances.limits.iter().any(|other| is_same_limit(&other.record, &limit)) => {
                    let path = &file.path;
                    wrong
                        .push(format!("{}: `{path}` has this meter and period already under another name", file.place));
                }
                Ok(record) => allowances.limits.push(FromFile { record, path: file.path.clone() }),
                Err(what) => wrong.push(format!("{}: `{}`: {what}", file.place, file.path)),
            }
        }
        if wrong.is_empty() { Ok(allowances) } else { Err(wrong) }
    }

    /// Which of the file's objects the store has as well, and what to do about it.
    pub fn clash(&self, stored: &Records) -> Option<String> {
        let twice = |path: &str, command: String| {
            format!(
                "`{path}` was set with the API and is in the config file too: take it out of the file, or run `{command}`"
            )
        };
        for ours in &self.budgets {
            if let Some(other) = stored.budgets.iter().find(|other| is_same_budget(&ours.record, other)) {
                return Some(twice(&ours.path, format!("keyward budget delete {}", other.id)));
            }
        }
        for ours in &self.limits {
            if let Some(other) = stored.limits.iter().find(|other| is_same_limit(&ours.record, other)) {
                return Some(twice(&ours.path, format!("keyward limit delete {}", other.id)));
            }
        }
        None
    }

    /// What stays the same over a reload keeps its beginning and its revision; what changes is one revision further.
    pub fn go_on_from(&mut self, before: &Self) {
        for ours in &mut self.budgets {
            let Some(old) = before.budgets.iter().find(|old| old.record.id == ours.record.id) else { continue };
            (ours.record.created_at, ours.record.revision) = (old.record.created_at, old.record.revision);
            ours.record.revision += u64::from(ours.record != old.record);
        }
        for ours in &mut self.limits {
            let Some(old) = before.limits.iter().find(|old| old.record.id == ours.record.id) else { continue };
            (ours.record.created_at, ours.record.revision) = (old.record.created_at, old.record.revision);
            ours.record.revision += u64::from(ours.record != old.record);
        }
    }
}

fn resolve(records: &Records, scope: &ReachText) -> Result<(TenantId, Reach), String> {
    resolve_reach(records, TenantId::DEFAULT, scope).map_err(|error| error.message())
}

/// The same for the same place on every start, so that what was spent stays with it.
fn print(kind: &str, tenant: TenantId, reach: &Reach, window: &str) -> [u8; 10] {
    let (sort, key) = match reach {
        Reach::One(scope) => (scope.kind().as_str(), scope.key()),
        Reach::Each(each) => (each.as_str(), "each".to_owned()),
    };
    let one = if matches!(reach, Reach::One(_)) { "one" } else { "each" };
    fingerprint(&[kind, &tenant.to_string(), one, sort, &key, window])
}

/// What a tenant has set stands beside what the file sets on it, and does not keep the file from being loaded.
fn is_same_budget(one: &Budget, other: &Budget) -> bool {
    let per = PeriodText::of(one.windows.period);
    (one.tenant, &one.reach, one.set_by) == (other.tenant, &other.reach, other.set_by)
        && per.names(other.windows.period, &other.windows.zone)
}

fn is_same_limit(one: &Limit, other: &Limit) -> bool {
    let identity = |limit: &Limit| (limit.tenant, limit.set_by, limit.meter, limit.period);
    one.reach == other.reach && identity(one) == identity(other)
}
