//! Houses with many keys, further providers and aliases; and what their keys were asked.

use std::collections::BTreeMap;
use std::time::Duration;

use keyward_domain::alias::Alias;
use keyward_domain::credential::Credential;
use keyward_domain::ids::{CredentialId, ProviderId, TenantId};
use keyward_domain::port::{Change, Store as _};
use keyward_domain::provider::ProviderKind;
use keyward_domain::standing::{Cause, KeyEvent, Standing};
use keyward_gateway::Options;
use keyward_testkit::provider::Vendor;

use super::{Answer, Client, House};

/// A chat call that most tests make.
pub(crate) const CHAT: &str = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello"}]}"#;
/// Where it goes.
pub(crate) const PATH: &str = "/v1/chat/completions";

impl House {
    /// A house whose only provider is `openai`, with the keys `key-1` to `key-COUNT`.
    pub(crate) fn with_keys(count: usize) -> Self {
        Self::with_keys_and(count, |_| {})
    }

    /// The same with other options.
    pub(crate) fn with_keys_and(count: usize, change: impl FnOnce(&mut Options)) -> Self {
        let names: Vec<String> = (1..=count).map(|number| format!("key-{number}")).collect();
        Self::with_providers(change, &[("openai", &names.iter().map(String::as_str).collect::<Vec<_>>())])
    }

    /// A house with providers that speak OpenAI's API, each with these keys. All of them are the scripted provider.
    pub(crate) fn with_providers(change: impl FnOnce(&mut Options), providers: &[(&str, &[&str])]) -> Self {
        let mut house = Self::empty(change);
        for (name, keys) in providers {
            house.add_vendor(name, Vendor::OpenAi, keys);
        }
        house.key = house.add_key("everything", keyward_domain::virtual_key::Grant::default());
        house
    }

    /// One more provider at the scripted provider, with these keys; goes into effect with the next publication.
    pub(crate) fn add_vendor(&self, name: &str, vendor: Vendor, keys: &[&str]) -> ProviderId {
        let (kind, catalog) = match vendor {
            Vendor::OpenAi => (ProviderKind::OpenAi, "openai"),
            Vendor::Anthropic => (ProviderKind::Anthropic, "anthropic"),
            Vendor::Gemini => (ProviderKind::Gemini, "gemini"),
        };
        let id = self.add_provider(name, kind, &self.provider.pinned_url(vendor), Some(catalog));
        for key in keys {
            let secret = self.provider.add_key(vendor, key);
            self.add_credential(name, key, &secret);
        }
        id
    }

    /// A provider at an address where nobody listens, with one key; goes into effect with the next publication.
    pub(crate) fn add_refusing_provider(&self, name: &str) {
        self.add_provider(name, ProviderKind::OpenAiCompatible, "http://127.0.0.1:9/v1", None);
        self.add_credential(name, &format!("{name}-1"), &["not", "a", "key"].join("-"));
    }

    /// An alias whose targets are tried as they are listed.
    pub(crate) fn add_alias(&self, name: &str, targets: &[&str]) {
        self.put_alias(name, targets, |_| {});
    }

    /// An alias, changed before it is stored.
    pub(crate) fn put_alias(&self, name: &str, targets: &[&str], change: impl FnOnce(&mut Alias)) {
        let targets = targets.iter().map(|target| (*target).to_owned()).collect();
        let mut alias = Alias::listed(TenantId::DEFAULT, name, targets);
        change(&mut alias);
        self.commit(Change::PutAlias(alias));
        self.publish();
    }

    /// One call on a new connection.
    pub(crate) fn chat(&self) -> Answer {
        self.client().post(PATH, CHAT)
    }

    /// The same for a model.
    pub(crate) fn chat_with(&self, model: &str) -> Answer {
        self.client().post(PATH, &chat_of(model))
    }

    /// Upstream calls by the name of the key that they carried.
    pub(crate) fn calls(&self) -> BTreeMap<String, usize> {
        let mut calls = BTreeMap::new();
        for record in self.provider.requests() {
            *calls.entry(record.key.unwrap_or_default()).or_default() += 1;
        }
        calls
    }

    /// Upstream calls that carried this key.
    pub(crate) fn calls_with(&self, key: &str) -> usize {
        self.calls().get(key).copied().unwrap_or(0)
    }

    /// The stored record of a provider key.
    pub(crate) fn credential(&self, name: &str) -> Credential {
        self.store.load().unwrap().credentials.into_iter().find(|key| key.name == name).unwrap()
    }

    /// Nothing is held against any key or provider any more; a second passes, so that retries can be paid for.
    pub(crate) fn forgive(&self) {
        self.clock.advance(Duration::from_secs(1));
        let records = self.store.load().unwrap();
        for credential in &records.credentials {
            self.registry.clear(credential.id, "test", self.moment());
        }
        for provider in &records.providers {
            self.registry.clear_provider(provider.id, self.moment());
        }
    }

    /// What was heard of a key, without what operators did.
    pub(crate) fn heard_of(&self, key: CredentialId) -> Vec<KeyEvent> {
        let is_wanted =
            |event: &KeyEvent| event.now.credential == key && !matches!(event.now.cause, Cause::Operator { .. });
        self.heard.events().into_iter().filter(is_wanted).collect()
    }

    /// Waits for something that the provider tells.
    pub(crate) fn wait(what: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(what);
    }

    /// That many clients at once: all have sent before the first answer is read.
    pub(crate) fn storm(&self, clients: usize, body: &str) -> Vec<Answer> {
        let mut open: Vec<Client> = (0..clients).map(|_| self.client()).collect();
        for client in &mut open {
            client.send("POST", PATH, body.as_bytes());
        }
        open.iter_mut().map(|client| client.head().finish()).collect()
    }
}

/// The usual chat call for another model.
pub(crate) fn chat_of(model: &str) -> String {
    CHAT.replace("gpt-4o-mini", model)
}

/// The same call as a stream.
pub(crate) fn streamed(body: &str) -> String {
    body.replacen('{', r#"{"stream":true,"#, 1)
}

/// The code of a refusal.
pub(crate) fn code(answer: &Answer) -> String {
    answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
}

/// How long a standing lasts from the moment of its event on.
pub(crate) fn rest_of(event: &KeyEvent) -> Option<Duration> {
    match event.now.standing {
        Standing::Active => None,
        standing => standing.rest(event.at),
    }
}
