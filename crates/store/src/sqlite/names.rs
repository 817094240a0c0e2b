//! Texts that repeat in the ledger, each kept once.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use keyward_domain::ledger::Subject;
use keyward_domain::scope::Scope;
use rusqlite::{Connection, params};

/// Names that are remembered; the table can hold any number. Beyond it all are forgotten and looked up again.
const REMEMBERED: usize = 8192;

/// What writers remember of the table `name`.
#[derive(Debug, Default)]
pub(super) struct Names {
    texts: HashMap<Box<str>, i64, FixedState>,
    ids: HashMap<(Kind, u128), i64, FixedState>,
    /// By the numbers of tenant, provider name and model.
    models: HashMap<[i64; 3], i64, FixedState>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Tenant,
    Provider,
    Credential,
}

/// The numbers that stand for the texts of a subject.
#[derive(Debug, Clone, Copy)]
pub(super) struct SubjectNames {
    pub(super) tenant: i64,
    pub(super) provider: i64,
    pub(super) provider_name: i64,
    pub(super) credential: i64,
    pub(super) credential_name: i64,
    pub(super) requested_model: i64,
    pub(super) model: i64,
    pub(super) price_version: i64,
    pub(super) team: Option<i64>,
    pub(super) user: Option<i64>,
    pub(super) end_user: Option<i64>,
}

impl Names {
    /// The numbers for a subject, giving new ones where needed.
    pub(super) fn of(&mut self, connection: &Connection, subject: &Subject) -> rusqlite::Result<SubjectNames> {
        if self.texts.len() + self.ids.len() + self.models.len() > REMEMBERED {
            self.forget();
        }
        let attributed = subject.attributed.as_deref();
        Ok(SubjectNames {
            team: self.maybe(connection, attributed.and_then(|to| to.team).map(|id| id.to_string()))?,
            user: self.maybe(connection, attributed.and_then(|to| to.user).map(|id| id.to_string()))?,
            end_user: self.maybe(connection, attributed.and_then(|to| to.end_user.as_ref()))?,
            tenant: self.id(connection, Kind::Tenant, subject.tenant.bits(), &subject.tenant)?,
            provider: self.id(connection, Kind::Provider, subject.provider.bits(), &subject.provider)?,
            provider_name: self.text(connection, &subject.provider_name)?,
            credential: self.id(connection, Kind::Credential, subject.credential.bits(), &subject.credential)?,
            credential_name: self.text(connection, &subject.credential_name)?,
            requested_model: self.text(connection, &subject.requested_model)?,
            model: self.text(connection, &subject.model)?,
            price_version: self.text(connection, &subject.price_version)?,
        })
    }

    /// The number of the tenant of a refusal.
    pub(super) fn tenant(
        &mut self,
        connection: &Connection,
        tenant: keyward_domain::ids::TenantId,
    ) -> rusqlite::Result<i64> {
        self.id(connection, Kind::Tenant, tenant.bits(), &tenant)
    }

    /// Forgets everything; what the table holds stays.
    pub(super) fn forget(&mut self) {
        self.texts.clear();
        self.ids.clear();
        self.models.clear();
    }

    /// The number of the model as a scope.
    pub(super) fn model(
        &mut self,
        connection: &Connection,
        subject: &Subject,
        known: &SubjectNames,
    ) -> rusqlite::Result<i64> {
        let place = [known.tenant, known.provider_name, known.model];
        if let Some(number) = self.models.get(&place) {
            return Ok(*number);
        }
        let name = format!("{}/{}", subject.provider_name, subject.model);
        let number = intern(connection, &Scope::Model(subject.tenant, name.into()).key())?;
        self.models.insert(place, number);
        Ok(number)
    }

    /// The number of any text.
    pub(super) fn text(&mut self, connection: &Connection, text: &str) -> rusqlite::Result<i64> {
        if let Some(number) = self.texts.get(text) {
            return Ok(*number);
        }
        let number = intern(connection, text)?;
        self.texts.insert(text.into(), number);
        Ok(number)
    }

    fn maybe(&mut self, connection: &Connection, text: Option<impl AsRef<str>>) -> rusqlite::Result<Option<i64>> {
        text.map(|text| self.text(connection, text.as_ref())).transpose()
    }

    fn id(&mut self, connection: &Connection, kind: Kind, bits: u128, id: &impl ToString) -> rusqlite::Result<i64> {
        if let Some(number) = self.ids.get(&(kind, bits)) {
            return Ok(*number);
        }
        let number = intern(connection, &id.to_string())?;
        self.ids.insert((kind, bits), number);
        Ok(number)
    }
}

fn intern(connection: &Connection, text: &str) -> rusqlite::Result<i64> {
    let mut insert = connection.prepare_cached("INSERT INTO name (text) VALUES (?1) ON CONFLICT (text) DO NOTHING")?;
    insert.execute(params![text])?;
    let mut select = connection.prepare_cached("SELECT id FROM name WHERE text = ?1")?;
    select.query_row(params![text], |row| row.get(0))
}

/// What readers remember of the table `name` while they answer one question.
#[derive(Debug)]
pub(super) struct Texts<'c> {
    connection: &'c Connection,
    known: HashMap<i64, std::sync::Arc<str>, FixedState>,
}

impl<'c> Texts<'c> {
    /// Remembers nothing yet.
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self { connection, known: HashMap::default() }
    }

    /// The text behind a number.
    pub(super) fn of(&mut self, number: i64) -> rusqlite::Result<std::sync::Arc<str>> {
        if let Some(text) = self.known.get(&number) {
            return Ok(text.clone());
        }
        let mut select = self.connection.prepare_cached("SELECT text FROM name WHERE id = ?1")?;
        let text: std::sync::Arc<str> = select.query_row(params![number], |row| row.get(0))?;
        self.known.insert(number, text.clone());
        Ok(text)
    }
}
