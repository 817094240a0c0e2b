//! Changing the configuration: all changes and their audit entry, or nothing.

use keyward_domain::audit::AuditDraft;
use keyward_domain::ids::InstallId;
use keyward_domain::port::{Change, StoreError, VaultRecord};
use rusqlite::{Connection, ToSql, TransactionBehavior, params};
use serde::Serialize;

use super::error::{Broken, broken_rule, failed};
use super::{allowance, audit, body, standing, tenancy};
use crate::change::{INSTALLATION, Noun, alias_noun, price_noun, vault_noun};

/// Applies the changes in order and returns the new revision.
pub(super) fn commit(connection: &mut Connection, changes: &[Change], draft: &AuditDraft) -> Result<u64, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    for change in changes {
        apply(&transaction, change)?;
    }
    audit::write(&transaction, draft).map_err(failed)?;
    let revision = next_revision(&transaction).map_err(failed)?;
    transaction.commit().map_err(failed)?;
    Ok(revision)
}

/// Writes what `init` writes.
pub(super) fn found(
    connection: &mut Connection,
    install: InstallId,
    vault: &[VaultRecord],
    draft: &AuditDraft,
) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let sql = "UPDATE state SET install = ?1 WHERE install IS NULL";
    if transaction.execute(sql, params![install.to_string()]).map_err(failed)? == 0 {
        return Err(StoreError::Conflict(INSTALLATION.to_owned()));
    }
    for record in vault {
        put_vault(&transaction, record).map_err(failed)?;
    }
    audit::write(&transaction, draft).map_err(failed)?;
    next_revision(&transaction).map_err(failed)?;
    transaction.commit().map_err(failed)
}

fn next_revision(connection: &Connection) -> rusqlite::Result<u64> {
    connection
        .query_row("UPDATE state SET revision = revision + 1 RETURNING revision", [], |row| row.get::<_, i64>(0))
        .map(i64::cast_unsigned)
}

fn apply(connection: &Connection, change: &Change) -> Result<(), StoreError> {
    match change {
        Change::PutVault(record) => put_vault(connection, record).map_err(failed),
        Change::RemoveVault(kind, id) => {
            remove(connection, "DELETE FROM vault WHERE kind = ?1 AND id = ?2", params![kind, id], || {
                vault_noun(kind, id)
            })
        }
        Change::PutProvider(provider) => {
            let key = params![provider.id.to_string(), provider.tenant.to_string(), provider.name];
            put(connection, PROVIDER, key, provider.revision, provider)
        }
        Change::RemoveProvider(id) => {
            let id = id.to_string();
            remove(connection, "DELETE FROM provider WHERE id = ?1", params![id], || format!("provider `{id}`"))
        }
        Change::PutCredential(credential) => {
            let key = params![credential.id.to_string(), credential.provider.to_string(), credential.name];
            put(connection, CREDENTIAL, key, credential.revision, credential)
        }
        Change::RemoveCredential(id) => {
            standing::remove(connection, *id).map_err(failed)?;
            let id = id.to_string();
            remove(connection, "DELETE FROM credential WHERE id = ?1", params![id], || format!("provider key `{id}`"))
        }
        Change::PutVirtualKey(key) => {
            let columns = params![key.id.to_string(), key.tenant.to_string(), key.name];
            put(connection, VIRTUAL_KEY, columns, key.revision, key)
        }
        Change::PutAdminToken(token) => {
            let key = params![token.id.to_string(), token.token_id.to_string()];
            put(connection, ADMIN_TOKEN, key, token.revision, token)
        }
        Change::PutAlias(alias) => {
            let key = params![alias.tenant.to_string(), alias.name];
            put(connection, ALIAS, key, alias.revision, alias)
        }
        Change::RemoveAlias(tenant, name) => {
            let key = params![tenant.to_string(), name];
            remove(connection, "DELETE FROM alias WHERE tenant = ?1 AND name = ?2", key, || alias_noun(name))
        }
        Change::PutPrice(price) => {
            let key = params![price.tenant.to_string(), price.provider, price.model];
            put(connection, PRICE, key, price.revision, price)
        }
        Change::RemovePrice(tenant, provider, model) => {
            let sql = "DELETE FROM price WHERE tenant = ?1 AND provider = ?2 AND model = ?3";
            let key = params![tenant.to_string(), provider, model];
            remove(connection, sql, key, || price_noun(provider, model))
        }
        Change::PutTenant(_) | Change::RemoveTenant(_) | Change::PutTeam(_) | Change::RemoveTeam(_) => {
            tenancy::apply(connection, change)
        }
        Change::PutUser(_) | Change::RemoveUser(_) => tenancy::apply(connection, change),
        Change::PutBudget(_) | Change::RemoveBudget(_) | Change::PutLimit(_) | Change::RemoveLimit(_) => {
            allowance::apply(connection, change)
        }
    }
}

/// How a kind is written. Both statements take the same parameters: 1 is the revision, 2 the body, the kind's own
/// columns follow. An insert passes over an id that is there already (a conflict, not a name that is taken), which no
/// row changed tells.
pub(super) struct Kind {
    pub(super) insert: &'static str,
    pub(super) update: &'static str,
    /// Whether people choose the key themselves, so that a key that is there means a name that is taken.
    pub(super) keyed_by_name: bool,
}

const PROVIDER: &Kind = &Kind {
    insert: "INSERT INTO provider (revision, body, id, tenant, name) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (id) DO NOTHING",
    update: "UPDATE provider SET revision = ?1, body = ?2, tenant = ?4, name = ?5 WHERE id = ?3 AND revision = ?1 - 1",
    keyed_by_name: false,
};
const CREDENTIAL: &Kind = &Kind {
    insert: "INSERT INTO credential (revision, body, id, provider, name) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (id) DO NOTHING",
    update: "UPDATE credential SET revision = ?1, body = ?2, provider = ?4, name = ?5 \
             WHERE id = ?3 AND revision = ?1 - 1",
    keyed_by_name: false,
};
const VIRTUAL_KEY: &Kind = &Kind {
    insert: "INSERT INTO virtual_key (revision, body, id, tenant, name) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (id) DO NOTHING",
    update: "UPDATE virtual_key SET revision = ?1, body = ?2, tenant = ?4, name = ?5 \
             WHERE id = ?3 AND revision = ?1 - 1",
    keyed_by_name: false,
};
const ADMIN_TOKEN: &Kind = &Kind {
    insert: "INSERT INTO admin_token (revision, body, id, token) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (id) DO NOTHING",
    update: "UPDATE admin_token SET revision = ?1, body = ?2, token = ?4 WHERE id = ?3 AND revision = ?1 - 1",
    keyed_by_name: false,
};
const ALIAS: &Kind = &Kind {
    insert: "INSERT INTO alias (revision, body, tenant, name) VALUES (?1, ?2, ?3, ?4)",
    update: "UPDATE alias SET revision = ?1, body = ?2 WHERE tenant = ?3 AND name = ?4 AND revision = ?1 - 1",
    keyed_by_name: true,
};
const PRICE: &Kind = &Kind {
    insert: "INSERT INTO price (revision, body, tenant, provider, model) VALUES (?1, ?2, ?3, ?4, ?5)",
    update: "UPDATE price SET revision = ?1, body = ?2 \
             WHERE tenant = ?3 AND provider = ?4 AND model = ?5 AND revision = ?1 - 1",
    keyed_by_name: false,
};

pub(super) fn put<T: Noun + Serialize>(
    connection: &Connection,
    kind: &Kind,
    columns: &[&dyn ToSql],
    revision: u64,
    record: &T,
) -> Result<(), StoreError> {
    let conflict = || StoreError::Conflict(record.noun());
    let revision = i64::try_from(revision).ok().filter(|revision| *revision > 0).ok_or_else(conflict)?;
    let body = body::write(record, &record.noun())?;
    let sql = if revision == 1 { kind.insert } else { kind.update };
    let values: [&dyn ToSql; 2] = [&revision, &body];
    let parameters: Vec<&dyn ToSql> = values.into_iter().chain(columns.iter().copied()).collect();
    match connection.prepare_cached(sql).and_then(|mut statement| statement.execute(parameters.as_slice())) {
        Ok(1) => Ok(()),
        Ok(_) => Err(conflict()),
        Err(error) => Err(match broken_rule(&error) {
            Some(Broken::Unique) => StoreError::Duplicate(record.noun()),
            Some(Broken::Key) if kind.keyed_by_name => StoreError::Duplicate(record.noun()),
            Some(Broken::Key) => conflict(),
            Some(Broken::Reference) => StoreError::Conflict(format!("the provider of {}", record.noun())),
            None => failed(error),
        }),
    }
}

fn put_vault(connection: &Connection, record: &VaultRecord) -> rusqlite::Result<()> {
    let mut replace = connection.prepare_cached("INSERT OR REPLACE INTO vault (kind, id, body) VALUES (?1, ?2, ?3)")?;
    replace.execute(params![record.kind, record.id, record.body]).map(drop)
}

pub(super) fn remove(
    connection: &Connection,
    sql: &str,
    key: &[&dyn ToSql],
    noun: impl Fn() -> String,
) -> Result<(), StoreError> {
    match connection.execute(sql, key) {
        Ok(0) => Err(StoreError::Conflict(noun())),
        Ok(_) => Ok(()),
        Err(error) if broken_rule(&error) == Some(Broken::Reference) => Err(StoreError::InUse(noun())),
        Err(error) => Err(failed(error)),
    }
}
