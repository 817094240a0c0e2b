//! Tenants, teams and users.

use keyward_domain::port::{Change, StoreError};
use rusqlite::{Connection, ToSql, params};

use super::configuration::{Kind, put, remove};
use super::error::failed;

/// Applies a change of them.
pub(super) fn apply(connection: &Connection, change: &Change) -> Result<(), StoreError> {
    match change {
        Change::PutTenant(tenant) => {
            let key = params![tenant.id.to_string(), tenant.name];
            put(connection, TENANT, key, tenant.revision, tenant)
        }
        Change::RemoveTenant(id) => {
            let (id, noun) = (id.to_string(), || format!("tenant `{id}`"));
            for table in ["team", "user", "provider", "virtual_key", "alias", "budget", "call_limit"] {
                refuse_if(connection, &format!("SELECT 1 FROM {table} WHERE tenant = ?1"), &[&id], noun)?;
            }
            remove(connection, "DELETE FROM tenant WHERE id = ?1", params![id], noun)
        }
        Change::PutTeam(team) => {
            let key = params![team.id.to_string(), team.tenant.to_string(), team.name];
            put(connection, TEAM, key, team.revision, team)
        }
        Change::RemoveTeam(id) => {
            let (id, noun) = (id.to_string(), || format!("team `{id}`"));
            for table in ["user", "virtual_key"] {
                refuse_if(connection, &format!("SELECT 1 FROM {table} WHERE body ->> 'team' = ?1"), &[&id], noun)?;
            }
            remove(connection, "DELETE FROM team WHERE id = ?1", params![id], noun)
        }
        Change::PutUser(user) => {
            let key = params![user.id.to_string(), user.tenant.to_string(), user.name];
            put(connection, USER, key, user.revision, user)
        }
        Change::RemoveUser(id) => {
            let (id, noun) = (id.to_string(), || format!("user `{id}`"));
            refuse_if(connection, "SELECT 1 FROM virtual_key WHERE body ->> 'user' = ?1", &[&id], noun)?;
            remove(connection, "DELETE FROM user WHERE id = ?1", params![id], noun)
        }
        _ => Ok(()),
    }
}

/// Who still has something belonging to them stays.
fn refuse_if(
    connection: &Connection,
    sql: &str,
    key: &[&dyn ToSql],
    noun: impl Fn() -> String,
) -> Result<(), StoreError> {
    let mut select = connection.prepare_cached(sql).map_err(failed)?;
    if select.exists(key).map_err(failed)? { Err(StoreError::InUse(noun())) } else { Ok(()) }
}

const TENANT: &Kind = &Kind {
    insert: "INSERT INTO tenant (revision, body, id, name) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO NOTHING",
    update: "UPDATE tenant SET revision = ?1, body = ?2, name = ?4 WHERE id = ?3 AND revision = ?1 - 1",
    keyed_by_name: false,
};
const TEAM: &Kind = &Kind {
    insert: "INSERT INTO team (revision, body, id, tenant, name) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (id) DO NOTHING",
    update: "UPDATE team SET revision = ?1, body = ?2, tenant = ?4, name = ?5 WHERE id = ?3 AND revision = ?1 - 1",
    keyed_by_name: false,
};
const USER: &Kind = &Kind {
    insert: "INSERT INTO user (revision, body, id, tenant, name) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (id) DO NOTHING",
    update: "UPDATE user SET revision = ?1, body = ?2, tenant = ?4, name = ?5 WHERE id = ?3 AND revision = ?1 - 1",
    keyed_by_name: false,
};
