use std::str::FromStr;

use keyward_domain::scope::{MAX_CLAIM, ScopeKind};
use serde::{Deserialize, Deserializer};

/// What a budget or a limit is set on, as people write it: `global`, `tenant:acme`, `team:research`, `user:ada`,
/// `end_user:ID`, `vkey:NAME`, `tag:NAME`, `provider:openai`, `key:openai/primary`, `model:openai/gpt-4o`; and `each:user`
/// and so on for each of a kind. What belongs to another tenant than the default one has its name in front:
/// `team:acme/research`, `each:acme/user`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReachText {
    /// One scope: its kind and what it is called; nothing for the whole installation.
    One(ScopeKind, String),
    /// Each scope of this kind, of this tenant when it is named.
    Each(ScopeKind, Option<String>),
}

/// Names one budget or limit: by its id, or by what it is set on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowanceRef<Id> {
    /// Its id.
    Id(Id),
    /// What it is set on.
    On(ReachText),
}

/// The longest name within a scope, in bytes: a tenant, a slash, and the longest name of an end user.
const MAX_NAME: usize = 65 + MAX_CLAIM;

const WRONG: &str = "write what it is set on as one of global, tenant:NAME, team:NAME, user:NAME, end_user:ID, vkey:NAME, \
                     tag:NAME, provider:NAME, key:PROVIDER/NAME and model:PROVIDER/MODEL, or for each of a kind as \
                     each:user, each:team and so on";
const WRONG_EACH: &str = "after `each:` write one of tenant, team, user, end_user, vkey, tag, provider, key and model";
const WRONG_NAME: &str = "after the colon write a name of 1 to 193 printable characters";

impl ReachText {
    /// One scope of this kind.
    pub fn one(kind: ScopeKind, name: &str) -> Result<Self, &'static str> {
        if kind == ScopeKind::Global {
            return if name.is_empty() { Ok(Self::One(kind, String::new())) } else { Err(WRONG) };
        }
        let is_printable = !name.chars().any(char::is_control);
        let fits = (1..=MAX_NAME).contains(&name.len()) && is_printable && name.trim() == name;
        if fits { Ok(Self::One(kind, name.to_owned())) } else { Err(WRONG_NAME) }
    }

    /// The kind of scope.
    pub const fn kind(&self) -> ScopeKind {
        match self {
            Self::One(kind, _) | Self::Each(kind, _) => *kind,
        }
    }

    fn each(text: &str) -> Result<Self, &'static str> {
        let (tenant, word) = text.rsplit_once('/').map_or((None, text), |(tenant, word)| (Some(tenant), word));
        let kind = ScopeKind::parse(word).filter(|kind| *kind != ScopeKind::Global).ok_or(WRONG_EACH)?;
        let tenant = tenant.map(|tenant| Self::one(ScopeKind::Tenant, tenant).map(|_| tenant.to_owned()));
        Ok(Self::Each(kind, tenant.transpose()?))
    }
}

/// The word for a kind of scope in front of a name.
pub const fn scope_word(kind: ScopeKind) -> &'static str {
    kind.word()
}

impl FromStr for ReachText {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((word, name)) = text.split_once(':') else {
            return if text == ScopeKind::Global.as_str() {
                Ok(Self::One(ScopeKind::Global, String::new()))
            } else {
                Err(WRONG)
            };
        };
        if word == "each" {
            return Self::each(name);
        }
        let kind = ScopeKind::parse(word).filter(|kind| *kind != ScopeKind::Global).ok_or(WRONG)?;
        Self::one(kind, name)
    }
}

impl<Id: FromStr> FromStr for AllowanceRef<Id> {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self::Id).or_else(|_| text.parse().map(Self::On))
    }
}

impl<'de> Deserialize<'de> for ReachText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl<'de, Id: FromStr> Deserialize<'de> for AllowanceRef<Id> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
