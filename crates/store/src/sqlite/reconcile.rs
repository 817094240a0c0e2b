//! Sums compared with the rows that they are made of. The rows are added up anew from their own columns, by other code
//! than the one that keeps the sums.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use keyward_domain::ids::CredentialId;
use keyward_domain::ledger::{AttemptOutcome, Figures, ReconcileQuery, Reconciliation};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::StoreError;
use keyward_domain::scope::ScopeKind::{
    self, Credential, EndUser, Global, Model, Provider, Tag, Team, Tenant, User, VirtualKey,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::entries::requests_around;
use super::error::failed;
use super::names::Texts;
use super::{rollup, spend};
use crate::{code, sums};

/// One scope: the number of its kind, and its own.
type Place = (u8, i64);
type Sums = HashMap<Place, Figures, FixedState>;

/// Compares the sums of a range. Nothing is changed: a difference is for people.
pub(super) fn run(connection: &mut Connection, query: &ReconcileQuery) -> Result<Reconciliation, StoreError> {
    // One picture: what is appended meanwhile is in neither.
    let transaction = connection.transaction().map_err(failed)?;
    let range = sums::quarters_between(query.since, query.until);
    let mut anew = Anew::of(&transaction).map_err(failed)?;
    anew.add_rows(range)?;
    let kept = if query.everything {
        every_sum(&transaction, range)
    } else {
        sums_of(&transaction, range, anew.sums.keys().copied())
    };
    let kept = kept.map_err(failed)?;
    let mut found = Reconciliation { rows: anew.rows, ..Reconciliation::default() };
    let whole = rollup::whole(&transaction, range.0, range.1).map_err(failed)?;
    found.compare(|| None, anew.whole, whole.figures());
    let mut texts = Texts::new(&transaction);
    compare(&mut found, &anew.sums, &kept, &mut texts);
    Ok(found)
}

fn compare(found: &mut Reconciliation, anew: &Sums, kept: &Sums, texts: &mut Texts<'_>) {
    let mut places: Vec<Place> = anew.keys().chain(kept.keys()).copied().collect();
    places.sort_unstable();
    places.dedup();
    found.scopes = u64::try_from(places.len()).unwrap_or(u64::MAX);
    for place in places {
        let figures = |sums: &Sums| sums.get(&place).copied().unwrap_or_default();
        let (rows, kept) = (figures(anew), figures(kept));
        if rows != kept {
            // One that was never given a number has no name to be told by.
            let scope = code::scope_kind(place.0).and_then(|kind| spend::scope_of(texts, kind, place.1).ok());
            found.compare(|| scope, rows, kept);
        }
    }
}

/// The sums of every scope.
fn every_sum(connection: &Connection, range: (i64, i64)) -> rusqlite::Result<Sums> {
    let mut select = connection.prepare_cached(
        "SELECT attempts, cost_nanodollars, unpriced, input_tokens, output_tokens, kind, scope FROM spend \
         WHERE quarter >= ?1 AND quarter < ?2",
    )?;
    let mut rows = select.query(params![range.0, range.1])?;
    let mut sums = Sums::default();
    while let Some(row) = rows.next()? {
        add(sums.entry((row.get(5)?, row.get(6)?)).or_default(), kept(row)?);
    }
    Ok(sums)
}

/// The sums of these scopes alone.
fn sums_of(connection: &Connection, range: (i64, i64), places: impl Iterator<Item = Place>) -> rusqlite::Result<Sums> {
    let mut select = connection.prepare_cached(
        "SELECT attempts, cost_nanodollars, unpriced, input_tokens, output_tokens FROM spend \
         WHERE kind = ?1 AND scope = ?2 AND quarter >= ?3 AND quarter < ?4",
    )?;
    let mut sums = Sums::default();
    for (kind, scope) in places {
        let mut rows = select.query(params![kind, scope, range.0, range.1])?;
        while let Some(row) = rows.next()? {
            add(sums.entry((kind, scope)).or_default(), kept(row)?);
        }
    }
    Ok(sums)
}

/// What a row of `spend` says.
fn kept(row: &Row<'_>) -> rusqlite::Result<[i64; 5]> {
    Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?])
}

/// Adds attempts, cost, attempts without a price, and tokens of prompts and answers.
fn add(figures: &mut Figures, [attempts, cost, unpriced, input, output]: [i64; 5]) {
    figures.attempts = figures.attempts.saturating_add(attempts.cast_unsigned());
    figures.cost = figures.cost.saturating_add(Nanodollars(cost));
    // Corrections give prices to attempts: they never take more than there is.
    figures.unpriced = figures.unpriced.saturating_add_signed(unpriced);
    figures.input_tokens = figures.input_tokens.saturating_add(input.cast_unsigned());
    figures.output_tokens = figures.output_tokens.saturating_add(output.cast_unsigned());
}

const ROWS: &str = "SELECT tenant, virtual_key, provider, provider_name, credential, model, outcome, cost_nanodollars, \
    input_uncached, cache_read, cache_write_5m, cache_write_1h, input_audio, input_image, output, reasoning, \
    output_audio, output_image, team, user, end_user, tags, \
    CASE WHEN outcome = ?5 THEN json_extract(raw_usage, '$.prices') END FROM entry \
    WHERE request >= ?1 AND request < ?2 AND at_ms >= ?3 AND at_ms < ?4";

/// Rows added up anew.
struct Anew<'c> {
    connection: &'c Connection,
    texts: Texts<'c>,
    /// The numbers of the texts that name scopes: of models, end users and tags.
    scopes: HashMap<String, i64, FixedState>,
    /// The numbers of models as scopes, by tenant, provider name and model.
    models: HashMap<[i64; 3], i64, FixedState>,
    everybody: i64,
    no_key: Option<i64>,
    rows: u64,
    whole: Figures,
    sums: Sums,
}

impl<'c> Anew<'c> {
    fn of(connection: &'c Connection) -> rusqlite::Result<Self> {
        let number = |text: &str| {
            let mut select = connection.prepare_cached("SELECT id FROM name WHERE text = ?1")?;
            select.query_row(params![text], |row| row.get(0)).optional()
        };
        Ok(Self {
            connection,
            texts: Texts::new(connection),
            scopes: HashMap::default(),
            models: HashMap::default(),
            everybody: number("")?.unwrap_or_default(),
            no_key: number(&CredentialId::from_bits(0).to_string())?,
            rows: 0,
            whole: Figures::default(),
            sums: Sums::default(),
        })
    }

    fn add_rows(&mut self, (first, end): (i64, i64)) -> Result<(), StoreError> {
        let (since, until) = (sums::quarter_beginning(first), sums::quarter_beginning(end));
        let (from, before) = requests_around(since, until);
        let correction = code::number_of_outcome(AttemptOutcome::Correction);
        let connection = self.connection;
        let mut select = connection.prepare_cached(ROWS).map_err(failed)?;
        let (from, before) = (from.request.to_bytes(), before.to_bytes());
        let mut rows = select
            .query(params![from, before, since.unix_millis(), until.unix_millis(), correction])
            .map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            self.add_row(row, correction).map_err(failed)?;
        }
        Ok(())
    }

    fn add_row(&mut self, row: &Row<'_>, correction: u8) -> rusqlite::Result<()> {
        let figures = figures_of(row, correction)?;
        self.rows += 1;
        add(&mut self.whole, figures);
        let [tenant, key, provider, provider_name, credential, model] = numbers(row)?;
        self.note(Global, self.everybody, figures);
        self.note(Tenant, tenant, figures);
        self.note(VirtualKey, key, figures);
        self.note(Provider, provider, figures);
        if Some(credential) != self.no_key {
            self.note(Credential, credential, figures);
        }
        let model = self.model([tenant, provider_name, model])?;
        self.note(Model, model, figures);
        for (kind, column) in [(Team, 18), (User, 19)] {
            if let Some(number) = row.get(column)? {
                self.note(kind, number, figures);
            }
        }
        if let Some(number) = row.get::<_, Option<i64>>(20)? {
            let scope = self.named(tenant, number)?;
            self.note(EndUser, scope, figures);
        }
        let tags: Option<String> = row.get(21)?;
        let tags: Vec<i64> = tags.and_then(|list| serde_json::from_str(&list).ok()).unwrap_or_default();
        for tag in tags {
            let scope = self.named(tenant, tag)?;
            self.note(Tag, scope, figures);
        }
        Ok(())
    }

    fn note(&mut self, kind: ScopeKind, scope: i64, figures: [i64; 5]) {
        add(self.sums.entry((code::number_of_scope_kind(kind), scope)).or_default(), figures);
    }

    fn model(&mut self, place: [i64; 3]) -> rusqlite::Result<i64> {
        if let Some(number) = self.models.get(&place) {
            return Ok(*number);
        }
        let [tenant, provider, model] = place;
        let (tenant, provider, model) = (self.texts.of(tenant)?, self.texts.of(provider)?, self.texts.of(model)?);
        let number = self.number(format!("{tenant}/{provider}/{model}"))?;
        self.models.insert(place, number);
        Ok(number)
    }

    /// The number of an end user or a tag as a scope.
    fn named(&mut self, tenant: i64, name: i64) -> rusqlite::Result<i64> {
        let (tenant, name) = (self.texts.of(tenant)?, self.texts.of(name)?);
        self.number(format!("{tenant}/{name}"))
    }

    /// 0 where the scope was never given a number: it has no sum either, and that is a difference.
    fn number(&mut self, scope: String) -> rusqlite::Result<i64> {
        if let Some(number) = self.scopes.get(&scope) {
            return Ok(*number);
        }
        let mut select = self.connection.prepare_cached("SELECT id FROM name WHERE text = ?1")?;
        let number = select.query_row(params![scope], |row| row.get(0)).optional()?.unwrap_or_default();
        self.scopes.insert(scope, number);
        Ok(number)
    }
}

/// Tenant, virtual key, provider, provider name, provider key and model of a row.
fn numbers(row: &Row<'_>) -> rusqlite::Result<[i64; 6]> {
    Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?])
}

/// What a row counts for.
fn figures_of(row: &Row<'_>, correction: u8) -> rusqlite::Result<[i64; 5]> {
    let is_attempt = row.get::<_, u8>(6)? != correction;
    let cost: Option<i64> = row.get(7)?;
    let gives_price: Option<bool> = row.get(22)?;
    let tokens = |columns: std::ops::Range<usize>| {
        columns
            .map(|column| row.get::<_, i64>(column))
            .try_fold(0_u64, |sum, tokens| tokens.map(|tokens| sum.saturating_add(tokens.cast_unsigned())))
    };
    Ok([
        i64::from(is_attempt),
        cost.unwrap_or_default(),
        i64::from(cost.is_none()) - i64::from(gives_price.unwrap_or(false)),
        tokens(8..14)?.cast_signed(),
        tokens(14..18)?.cast_signed(),
    ])
}
