//! Budgets and limits.

use keyward_domain::port::{Change, StoreError};
use rusqlite::{Connection, params};

use super::configuration::{Kind, put, remove};

/// Applies a change of them.
pub(super) fn apply(connection: &Connection, change: &Change) -> Result<(), StoreError> {
    match change {
        Change::PutBudget(budget) => {
            let key = params![budget.id.to_string(), budget.tenant.to_string()];
            put(connection, BUDGET, key, budget.revision, budget)
        }
        Change::RemoveBudget(id) => {
            let id = id.to_string();
            remove(connection, "DELETE FROM budget WHERE id = ?1", params![id], || format!("budget `{id}`"))
        }
        Change::PutLimit(limit) => {
            let key = params![limit.id.to_string(), limit.tenant.to_string()];
            put(connection, LIMIT, key, limit.revision, limit)
        }
        Change::RemoveLimit(id) => {
            let id = id.to_string();
            remove(connection, "DELETE FROM call_limit WHERE id = ?1", params![id], || format!("limit `{id}`"))
        }
        _ => Ok(()),
    }
}

const BUDGET: &Kind = &Kind {
    insert: "INSERT INTO budget (revision, body, id, tenant) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO NOTHING",
    update: "UPDATE budget SET revision = ?1, body = ?2, tenant = ?4 WHERE id = ?3 AND revision = ?1 - 1",
    keyed_by_name: false,
};
const LIMIT: &Kind = &Kind {
    insert: "INSERT INTO call_limit (revision, body, id, tenant) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO NOTHING",
    update: "UPDATE call_limit SET revision = ?1, body = ?2, tenant = ?4 WHERE id = ?3 AND revision = ?1 - 1",
    keyed_by_name: false,
};
