//! Asking providers, by calls that cost nothing.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use keyward_domain::credential::Proof;
use keyward_domain::port::{Egress, EgressRequest};
use keyward_domain::provider::{Provider, ProviderKind};
use keyward_domain::secret::Secret;
use keyward_provider::probe::{DEADLINE, Probe, Probed as Said, known};

use super::Control;

/// More models than this of one key are not kept.
const MAX_MODELS: usize = 20_000;

/// What asking a provider about a key found.
#[derive(Debug)]
pub struct Probed {
    /// The proof, to be kept with the key.
    pub proof: Proof,
    /// The models it has.
    pub models: Listed,
}

/// How much of a key's models the answers said.
#[derive(Debug)]
pub enum Listed {
    /// None at all.
    Nothing,
    /// The first of them; then the provider fell silent.
    Part(Vec<String>),
    /// All that there were, as every call was answered.
    Whole(Vec<String>),
}

impl Listed {
    /// The models that a key has by this, when it had these before: only a whole list takes any away.
    pub fn over(self, mut before: Vec<String>) -> Vec<String> {
        match self {
            Self::Nothing => before,
            Self::Whole(models) => models,
            Self::Part(models) => {
                let known: BTreeSet<_> = before.iter().cloned().collect();
                before.extend(models.into_iter().filter(|model| !known.contains(model)));
                before.truncate(MAX_MODELS);
                before
            }
        }
    }
}

/// Whether a secret could be a key at all; nothing is sent for one that could not. Nothing of it is repeated.
pub fn check_form(secret: &Secret) -> Result<(), String> {
    keyward_provider::credential::check(secret).map_err(|bad| bad.to_string())
}

impl Control {
    /// Asks a provider whether a key works and which models it has. The future stands on its own, so that several can
    /// run at the same time.
    pub fn probe(&self, provider: &Provider, secret: Secret) -> impl Future<Output = Probed> + Send + 'static {
        let egress = Arc::clone(&self.ports.egress);
        let clock = Arc::clone(&self.ports.clock);
        let already = known(provider.kind);
        let first = Probe::first(provider.kind, &provider.base_url);
        async move {
            let (said, models) = match already {
                Some(said) => {
                    let models = Listed::Whole(said.models.clone());
                    (said, models)
                }
                None => ask(egress.as_ref(), first, &secret).await,
            };
            let proof = Proof { at: clock.now(), finding: said.finding, detail: said.detail };
            Probed { proof, models }
        }
    }

    /// Asks a provider, without any key, whether it answers at all: a sentence either way.
    pub async fn reach(&self, provider: &Provider) -> Result<String, String> {
        if provider.kind == ProviderKind::Sandbox {
            return Ok("The sandbox is built in.".to_owned());
        }
        let request = EgressRequest {
            origin: provider.base_url.origin.clone(),
            method: "GET",
            path: format!("{}/models", provider.base_url.prefix),
            headers: vec![("accept", "application/json".to_owned()), ("user-agent", "keyward".to_owned())],
            credential: None,
            body: Vec::new(),
            deadline: DEADLINE,
        };
        match self.ports.egress.fetch(request).await {
            Ok(answer) => Ok(format!("It answers (status {} without a key).", answer.status)),
            Err(error) => Err(format!("It does not answer: {error}.")),
        }
    }
}

/// Goes through the calls of one proof. The last finding is the conclusion, models add up.
async fn ask(egress: &dyn Egress, first: Probe, secret: &Secret) -> (Said, Listed) {
    let mut models = Vec::new();
    let mut seen = BTreeSet::new();
    let mut probe = first;
    let mut is_whole = true;
    loop {
        let mut said = match probe.request(secret) {
            Err(bad) => Said::malformed(bad),
            Ok(request) => match egress.fetch(request).await {
                Ok(answer) => probe.read(&answer),
                Err(error) => {
                    is_whole = false;
                    probe.unanswered(&error)
                }
            },
        };
        let fresh = std::mem::take(&mut said.models).into_iter().filter(|model| seen.insert(model.clone()));
        models.extend(fresh.take(MAX_MODELS.saturating_sub(models.len())));
        match said.next.take() {
            Some(next) => probe = next,
            None if models.is_empty() => return (said, Listed::Nothing),
            None if is_whole => return (said, Listed::Whole(models)),
            None => return (said, Listed::Part(models)),
        }
    }
}
