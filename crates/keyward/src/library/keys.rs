//! Provider keys: kept, proved, and given to models.

use keyward_admin::client::{Ask, DoorError, path};
use keyward_domain::routing::Strategy;
use keyward_domain::secret::Secret;
use serde_json::{Value, json};

use super::{Error, Keyward, ProviderId};

/// A provider key, as everybody may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyInfo {
    /// The provider that it is for.
    pub provider: ProviderId,
    /// What people call it; unique within the provider.
    pub name: String,
    /// Where it is in its life: `pending` (not proved yet), `active` (in use), `disabled`, `suspect` (the provider does
    /// not accept it), `draining`, `retired`, `revoked`.
    pub state: String,
    /// A safe reminder of which key it is: how it begins and ends. Empty for providers that want none.
    pub hint: String,
    /// What the last proof found: `valid`, `unauthorised`, `no_permission`, `no_credit`, `unreachable`. `None` before
    /// the first.
    pub finding: Option<String>,
    /// The same as a sentence.
    pub detail: String,
    /// Models that it was seen to offer.
    pub models: usize,
}

impl KeyInfo {
    /// Whether it can be handed out, as far as people and proofs decide.
    pub fn is_in_use(&self) -> bool {
        self.state == "active"
    }

    fn of(view: &Value) -> Self {
        let text = |at: &str| view.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
        let models = view["model_count"].as_u64().and_then(|count| usize::try_from(count).ok());
        Self {
            provider: ProviderId::named(text("/provider")),
            name: text("/name"),
            state: text("/state"),
            hint: text("/hint"),
            finding: view.pointer("/proof/finding").and_then(Value::as_str).map(str::to_owned),
            detail: text("/proof/detail"),
            models: models.unwrap_or_default(),
        }
    }
}

impl Keyward {
    /// Keeps a provider key: encrypted, bound to its provider's address, and proved by a call that costs nothing. A
    /// provider that Keyward knows by name is added on the way. What the proof found is in the answer; a key that the
    /// provider accepts is in use at once, one that could not be proved is kept and waits for
    /// [`Keyward::validate_key`].
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # use keyward::{Keyward, Options, ProviderId};
    /// # let keyward = Keyward::open(Options::temporary()).await?;
    /// let secret = String::from("any-key-will-do"); // read from where your application has it
    /// let key = keyward.add_key(ProviderId::SANDBOX, "production", secret).await?;
    /// assert_eq!((key.state.as_str(), key.finding.as_deref()), ("active", Some("valid")));
    /// # keyward.close().await?;
    /// # Ok::<(), keyward::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`Error::Refused`]: `already_exists` (the name is taken), `duplicate_key` (this very key is kept already),
    /// `key_malformed` (it cannot be a key of that provider), `not_found` (no such provider).
    pub async fn add_key(
        &self,
        provider: ProviderId,
        name: &str,
        secret: impl Into<Secret> + Send,
    ) -> Result<KeyInfo, Error> {
        let secret = secret.into();
        self.ensure(&provider).await?;
        let body = json!({ "provider": provider.as_str(), "name": name });
        let ask = Ask::post(&["keys"]).body(body);
        let ask = if secret.is_empty() { ask } else { ask.secret(secret) };
        Ok(KeyInfo::of(&self.ask(ask).await?))
    }

    /// Asks the provider now, by a call that costs nothing, whether a key works. One that works comes into use, one that
    /// is refused goes out of use.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # use keyward::{Keyward, Options, ProviderId};
    /// # let keyward = Keyward::open(Options::temporary()).await?;
    /// # keyward.add_key(ProviderId::SANDBOX, "production", "any-key-will-do".to_owned()).await?;
    /// let key = keyward.validate_key(ProviderId::SANDBOX, "production").await?;
    /// assert!(key.is_in_use());
    /// # keyward.close().await?;
    /// # Ok::<(), keyward::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`Error::Refused`] with `not_found` when there is no such key.
    pub async fn validate_key(&self, provider: ProviderId, name: &str) -> Result<KeyInfo, Error> {
        let called = format!("{provider}/{name}");
        Ok(KeyInfo::of(&self.ask(Ask::post(&["keys", &called, "test"])).await?))
    }

    /// Removes a key and its secret. What it consumed stays in the ledger.
    ///
    /// # Errors
    /// [`Error::Refused`] with `not_found` when there is no such key.
    pub async fn remove_key(&self, provider: ProviderId, name: &str) -> Result<(), Error> {
        let called = format!("{provider}/{name}");
        self.ask(Ask::new(http::Method::DELETE, path(&["keys", &called]))).await.map(drop)
    }

    /// Gives a model to a key: from then on the key serves the models that were given to it and no others, and
    /// [`Keyward::key_for_model`] hands it out for them before any other. Keys that no model was given to serve all. `*` in
    /// a model's name stands for any text.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # use keyward::{Keyward, Options, Outcome, ProviderId};
    /// # let keyward = Keyward::open(Options::temporary()).await?;
    /// # keyward.add_key(ProviderId::SANDBOX, "cheap", "any-key-will-do".to_owned()).await?;
    /// # keyward.add_key(ProviderId::SANDBOX, "large", "another-key".to_owned()).await?;
    /// keyward.assign_model("sandbox-large", ProviderId::SANDBOX, "large").await?;
    /// let lease = keyward.key_for_model("sandbox-large").await?;
    /// assert_eq!(lease.key(), "large");
    /// # lease.report(Outcome::unused()).await?;
    /// # keyward.close().await?;
    /// # Ok::<(), keyward::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`Error::Refused`]: `not_found` when there is no such key, `invalid_request` when the name cannot be a model's.
    pub async fn assign_model(&self, model: &str, provider: ProviderId, key: &str) -> Result<(), Error> {
        let called = format!("{provider}/{key}");
        let view = self.ask(Ask::get(&["keys", &called])).await?;
        let mut models: Vec<Value> =
            view.pointer("/terms/models").and_then(Value::as_array).cloned().unwrap_or_default();
        if models.iter().any(|known| known == model) {
            return Ok(());
        }
        models.push(Value::from(model));
        let change = Ask::new(http::Method::PATCH, path(&["keys", &called])).if_match(view["revision"].as_u64());
        self.ask(change.body(json!({ "terms": { "models": models } }))).await.map(drop)
    }

    /// Adds a provider that Keyward does not know by name: any server that speaks OpenAI's API under a base URL
    /// (`http://127.0.0.1:8000/v1`), or another built-in one (`sandbox://anything`).
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # use keyward::{Keyward, Options, ProviderId};
    /// # let keyward = Keyward::open(Options::temporary()).await?;
    /// let own = ProviderId::named("our-own");
    /// keyward.add_provider(own.clone(), "http://127.0.0.1:8000/v1").await?;
    /// # keyward.close().await?;
    /// # Ok::<(), keyward::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`Error::Refused`]: `already_exists`, or what is wrong with the name or the URL.
    pub async fn add_provider(&self, provider: ProviderId, base_url: &str) -> Result<(), Error> {
        let is_sandbox = base_url.starts_with("sandbox://");
        let preset = is_sandbox.then_some("sandbox");
        let body = json!({ "name": provider.as_str(), "base_url": base_url, "preset": preset });
        self.ask(Ask::post(&["providers"]).body(body)).await.map(drop)
    }

    /// How a key of a provider's pool is chosen from now on. A known provider is added on the way.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # use keyward::{Keyward, Options, ProviderId, Strategy};
    /// # let keyward = Keyward::open(Options::temporary()).await?;
    /// keyward.set_strategy(ProviderId::SANDBOX, Strategy::RoundRobin).await?;
    /// # keyward.close().await?;
    /// # Ok::<(), keyward::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`Error::Refused`] with `not_found` when there is no such provider.
    pub async fn set_strategy(&self, provider: ProviderId, strategy: Strategy) -> Result<(), Error> {
        self.ensure(&provider).await?;
        let change = Ask::new(http::Method::PATCH, path(&["providers", provider.as_str()]));
        self.ask(change.body(json!({ "strategy": strategy.as_str() }))).await.map(drop)
    }

    /// A provider that is known by name is added, so that the first key needs one call.
    async fn ensure(&self, provider: &ProviderId) -> Result<(), Error> {
        let Some(preset) = keyward_provider::preset(provider.as_str()) else { return Ok(()) };
        let open = self.open_now()?;
        match open.door.call(Ask::get(&["providers", preset.name])).await {
            Ok(_) => Ok(()),
            Err(DoorError::Refused { status: 404, .. }) => {
                let added = open.door.call(Ask::post(&["providers"]).body(json!({ "preset": preset.name }))).await;
                match added {
                    // Somebody else was quicker.
                    Err(DoorError::Refused { code, .. }) if code == "already_exists" => Ok(()),
                    added => Ok(added.map(drop)?),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn ask(&self, ask: Ask) -> Result<Value, Error> {
        Ok(self.open_now()?.door.call(ask).await?)
    }
}
