//! Provider keys that are already there: in the environment, or in a `.env` file.

mod base;
mod left_out;
mod variable;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use base::Base;
pub use left_out::{LeftOut, left_out};

use keyward_domain::secret::Secret;

use crate::dot_env::DotEnv;
use crate::form::form;
use crate::shape::check_shape;
use variable::{Family, Variable};

/// More keys than this are not reported; nobody has them in the environment.
const MAX_FOUND: usize = 1_000;
/// Shorter values are placeholders.
const MIN_KEY_BYTES: usize = 8;

/// A provider key that was found.
#[derive(Debug)]
pub struct Found {
    /// The provider it is for, by the name that providers have everywhere else.
    pub provider_name: &'static str,
    /// What to call it; unique within its provider.
    pub key_name: String,
    /// The variable it was found in.
    pub variable: String,
    /// Where that variable is.
    pub place: FoundIn,
    /// Other variables with the same secret.
    pub also_in: Vec<String>,
    /// Variables that say where calls with this key go. Where one of them names another place than the provider's own,
    /// the key is probably for that place, and must not be sent to the provider.
    pub bases: Vec<Base>,
    /// The key.
    pub secret: Secret,
    /// Whether this version can use it.
    pub supported: bool,
    /// Why it cannot be used, or what people should know about it.
    pub note: Option<String>,
}

/// Where a variable is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundIn {
    /// In the environment of the process.
    Environment,
    /// In this file.
    DotEnv(PathBuf),
}

impl Found {
    /// The other provider whose keys look like this one, when it does not look like its own provider's. Formats drift:
    /// a reason to warn, not to refuse.
    pub fn looks_like(&self) -> Option<&'static str> {
        form(&self.secret).map(|form| form.provider.as_str()).filter(|provider| *provider != self.provider_name)
    }
}

/// Every provider key in these variables and files: grouped by provider, the environment before the files. A secret
/// that stands under several names is reported once. Values that are plainly no keys (empty, placeholders) are not
/// reported.
pub fn discover(environment: &BTreeMap<String, String>, files: &[DotEnv]) -> Vec<Found> {
    let mut found = Vec::new();
    for (name, value) in environment {
        keys_in(name, value.as_bytes(), &FoundIn::Environment, &mut found);
    }
    for file in files {
        let place = FoundIn::DotEnv(file.path.clone());
        for (name, value) in &file.variables {
            keys_in(name, value.expose(), &place, &mut found);
        }
    }
    let mut found = once_each(found);
    found.sort_by_key(|candidate| candidate.family.rank());
    let bases = base::bases(environment, files);
    let mut named = Vec::<Found>::new();
    for candidate in found {
        let key_name = free_name(&candidate, &named);
        named.push(candidate.into_found(key_name, &bases));
    }
    named
}

/// A key that was found and has no name yet.
struct Candidate {
    family: &'static Family,
    name: String,
    variable: String,
    place: FoundIn,
    also_in: Vec<String>,
    secret: Secret,
}

impl Candidate {
    fn into_found(self, key_name: String, bases: &[(&'static str, Base)]) -> Found {
        let bases = self.own(bases);
        let form = form(&self.secret);
        let unusable = check_shape(&self.secret).err().or(self.family.obstacle);
        let unusable = unusable.or((form.map(|form| form.provider.as_str()) == Some("keyward")).then_some(OURS));
        Found {
            provider_name: self.family.provider,
            key_name,
            variable: self.variable,
            place: self.place,
            also_in: self.also_in,
            bases,
            supported: unusable.is_none(),
            note: unusable.map(str::to_owned).or_else(|| form.and_then(|form| form.warning.clone())),
            secret: self.secret,
        }
    }

    /// Those that go with one of its variables: the same secret may stand there for two providers.
    fn own(&self, bases: &[(&'static str, Base)]) -> Vec<Base> {
        let variables = || std::iter::once(&self.variable).chain(&self.also_in);
        let goes_with = |provider: &str| {
            variables().any(|name| variable::read(name).is_some_and(|read| read.family.provider == provider))
        };
        bases.iter().filter(|(provider, _)| goes_with(provider)).map(|(_, base)| base.clone()).collect()
    }
}

/// An application that already speaks to Keyward has one of our keys where its provider's key used to be.
const OURS: &str = "this is a key that Keyward issued, not a provider's key";

fn keys_in(variable: &str, value: &[u8], place: &FoundIn, found: &mut Vec<Candidate>) {
    let Some(Variable { family, name, is_list }) = variable::read(variable) else { return };
    let values: Vec<&[u8]> = if is_list { value.split(|byte| *byte == b',').collect() } else { vec![value] };
    let values = values.into_iter().map(unwrapped).filter(|value| !is_placeholder(value));
    for (number, value) in (1..).zip(values) {
        if found.len() == MAX_FOUND {
            return;
        }
        found.push(Candidate {
            family,
            name: if is_list { format!("{name}{number}") } else { name.clone() },
            variable: variable.to_owned(),
            place: place.clone(),
            also_in: Vec::new(),
            secret: Secret::new(value.to_vec()),
        });
    }
}

/// Without white space around it, and without quotes around that: `docker run --env-file` keeps them.
fn unwrapped(value: &[u8]) -> &[u8] {
    let value = value.trim_ascii();
    let inside = |quote: u8| value.strip_prefix(&[quote]).and_then(|rest| rest.strip_suffix(&[quote]));
    inside(b'"').or_else(|| inside(b'\'')).unwrap_or(value)
}

/// What templates of `.env` files hold where a key belongs.
fn is_placeholder(value: &[u8]) -> bool {
    const WORDS: [&[u8]; 8] =
        [b"your-", b"your_", b"changeme", b"change-me", b"change_me", b"placeholder", b"replace", b"..."];
    let lower = value.to_ascii_lowercase();
    value.len() < MIN_KEY_BYTES
        || value.starts_with(b"<")
        || value.starts_with(b"$")
        || value.iter().all(|byte| matches!(byte, b'x' | b'X' | b'*' | b'.'))
        || WORDS.iter().any(|word| lower.windows(word.len()).any(|window| window == *word))
}

/// Each secret once: under the provider that it looks like, else where it was found first.
fn once_each(candidates: Vec<Candidate>) -> Vec<Candidate> {
    let mut kept = Vec::<Candidate>::new();
    for mut candidate in candidates {
        let Some(twin) = kept.iter_mut().find(|twin| twin.secret.expose() == candidate.secret.expose()) else {
            kept.push(candidate);
            continue;
        };
        if fits(&candidate) && !fits(twin) {
            std::mem::swap(twin, &mut candidate);
            twin.also_in.append(&mut candidate.also_in);
        }
        if candidate.variable != twin.variable && !twin.also_in.contains(&candidate.variable) {
            twin.also_in.push(candidate.variable);
        }
    }
    kept
}

fn fits(candidate: &Candidate) -> bool {
    form(&candidate.secret).is_some_and(|form| form.provider == candidate.family.provider)
}

/// The name that the variable gives, with a number behind it when it is taken.
fn free_name(candidate: &Candidate, named: &[Found]) -> String {
    let taken = |name: &str| {
        named.iter().any(|found| found.provider_name == candidate.family.provider && found.key_name == name)
    };
    if !taken(&candidate.name) {
        return candidate.name.clone();
    }
    // There are at most `MAX_FOUND` names, so one of the first `MAX_FOUND + 1` numbers is free.
    (2..=MAX_FOUND + 2)
        .map(|number| format!("{}-{number}", candidate.name))
        .find(|name| !taken(name))
        .unwrap_or_default()
}
