//! How records are called in sentences, the same for every store.

use keyward_domain::alias::Alias;
use keyward_domain::budget::Budget;
use keyward_domain::credential::Credential;
use keyward_domain::ledger::Entry;
use keyward_domain::limit::Limit;
use keyward_domain::port::PriceOverride;
use keyward_domain::principal::AdminToken;
use keyward_domain::provider::Provider;
use keyward_domain::tenancy::{Team, Tenant, User};
use keyward_domain::virtual_key::VirtualKey;

/// A record that a sentence can speak of: "provider `openai` already exists".
pub(crate) trait Noun {
    /// The kind and the name that people know.
    fn noun(&self) -> String;
}

impl Noun for Provider {
    fn noun(&self) -> String {
        format!("provider `{}`", self.name)
    }
}

impl Noun for Credential {
    fn noun(&self) -> String {
        format!("provider key `{}`", self.name)
    }
}

impl Noun for VirtualKey {
    fn noun(&self) -> String {
        format!("virtual key `{}`", self.name)
    }
}

impl Noun for AdminToken {
    fn noun(&self) -> String {
        format!("admin token `{}`", self.name)
    }
}

impl Noun for Alias {
    fn noun(&self) -> String {
        alias_noun(&self.name)
    }
}

impl Noun for PriceOverride {
    fn noun(&self) -> String {
        price_noun(&self.provider, &self.model)
    }
}

impl Noun for Tenant {
    fn noun(&self) -> String {
        format!("tenant `{}`", self.name)
    }
}

impl Noun for Team {
    fn noun(&self) -> String {
        format!("team `{}`", self.name)
    }
}

impl Noun for User {
    fn noun(&self) -> String {
        format!("user `{}`", self.name)
    }
}

impl Noun for Budget {
    fn noun(&self) -> String {
        format!("budget `{}`", self.id)
    }
}

impl Noun for Limit {
    fn noun(&self) -> String {
        format!("limit `{}`", self.id)
    }
}

/// An alias that is known by name only.
pub(crate) fn alias_noun(name: &str) -> String {
    format!("alias `{name}`")
}

/// A price that is known by what it is for only.
pub(crate) fn price_noun(provider: &str, model: &str) -> String {
    format!("the price of `{provider}/{model}`")
}

/// A vault record.
pub(crate) fn vault_noun(kind: &str, id: &str) -> String {
    format!("vault record `{kind}/{id}`")
}

/// A correction whose number is taken.
pub(crate) fn correction_noun(correction: &Entry) -> String {
    format!("request `{}`", correction.subject.attempt.request)
}

/// The noun for the conflict of founding an installation twice.
pub(crate) const INSTALLATION: &str = "the installation in this home";
