//! Reading the whole configuration as one consistent picture.

use keyward_domain::port::{Records, StoreError, VaultRecord};
use rusqlite::Connection;
use serde::de::DeserializeOwned;

use super::error::failed;

/// Everything that configuration is made of, each kind in the order of its key.
pub(super) fn load(connection: &mut Connection) -> Result<Records, StoreError> {
    let picture = connection.transaction().map_err(failed)?;
    let (revision, install) = state(&picture).map_err(failed)?;
    Ok(Records {
        revision: revision.cast_unsigned(),
        install: install.as_deref().map(parse_install).transpose()?,
        vault: vault(&picture).map_err(failed)?,
        providers: bodies(&picture, "provider", "id")?,
        credentials: bodies(&picture, "credential", "id")?,
        virtual_keys: bodies(&picture, "virtual_key", "id")?,
        admin_tokens: bodies(&picture, "admin_token", "id")?,
        aliases: bodies(&picture, "alias", "tenant, name")?,
        prices: bodies(&picture, "price", "tenant, provider, model")?,
        tenants: bodies(&picture, "tenant", "id")?,
        teams: bodies(&picture, "team", "id")?,
        users: bodies(&picture, "user", "id")?,
        budgets: bodies(&picture, "budget", "id")?,
        limits: bodies(&picture, "call_limit", "id")?,
    })
}

fn state(connection: &Connection) -> rusqlite::Result<(i64, Option<String>)> {
    connection.query_row("SELECT revision, install FROM state", [], |row| Ok((row.get(0)?, row.get(1)?)))
}

fn parse_install(text: &str) -> Result<keyward_domain::ids::InstallId, StoreError> {
    text.parse().map_err(|_| StoreError::Damaged(format!("the installation's id is `{text}`")))
}

fn vault(connection: &Connection) -> rusqlite::Result<Vec<VaultRecord>> {
    let mut select = connection.prepare_cached("SELECT kind, id, body FROM vault ORDER BY kind, id")?;
    let rows = select.query_map([], |row| Ok(VaultRecord { kind: row.get(0)?, id: row.get(1)?, body: row.get(2)? }))?;
    rows.collect()
}

fn bodies<T: DeserializeOwned>(connection: &Connection, table: &str, order: &str) -> Result<Vec<T>, StoreError> {
    let sql = format!("SELECT body, {order} FROM {table} ORDER BY {order}");
    let mut select = connection.prepare_cached(&sql).map_err(failed)?;
    let mut rows = select.query([]).map_err(failed)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let body: String = row.get(0).map_err(failed)?;
        let record = serde_json::from_str(&body).map_err(|error| {
            let key: String = row.get(1).unwrap_or_default();
            StoreError::Damaged(format!("{} `{key}` ({error})", table.replace('_', " ")))
        })?;
        records.push(record);
    }
    Ok(records)
}
