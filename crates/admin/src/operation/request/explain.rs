use std::collections::{BTreeMap, BTreeSet};

use keyward_domain::credential::Credential;
use keyward_domain::ids::{CredentialId, ProviderId, RequestId, TenantId};
use keyward_domain::ledger::{Entry, RequestRow};
use keyward_domain::port::{Records, Store, StoreError};
use keyward_domain::principal::Action;
use keyward_domain::standing::{Cause, KeyEvent, KeyEventFilter, KeyStanding};
use keyward_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{AttemptView, RequestView};
use crate::control::{Control, Lead};
use crate::error::AdminError;
use crate::operation::key::{KeyEventView, StandingView};
use crate::operation::{Operation, Permit};

/// Changes of one key that are looked through, in pages, at most: beyond that nobody remembers what held back then.
const MAX_PAGES: u32 = 20;
const PAGE: u32 = 500;

/// Explains a call that was made: its attempts, what each cost and taught, and for every other key of the providers
/// involved why it was not used then. Reconstructed from the changes of standings and from the keys' terms.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplainRequest {
    /// Its id, as in `x-keyward-request-id`.
    #[schema(value_type = String)]
    pub request: RequestId,
}

/// Why a call went as it went.
#[derive(Debug, Serialize, ToSchema)]
pub struct RequestExplanation {
    /// The call.
    pub request: RequestView,
    /// Its attempts, each with the keys that there were.
    pub attempts: Vec<AttemptExplanation>,
    /// The keys that there were for a call that was refused before any attempt.
    pub candidates: Vec<PastCandidate>,
}

/// Why an attempt was made as it was.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttemptExplanation {
    /// The attempt.
    pub attempt: AttemptView,
    /// What its answer changed about keys.
    pub taught: Vec<KeyEventView>,
    /// Every key of its provider, and what was with it when the attempt began.
    pub candidates: Vec<PastCandidate>,
}

/// A key as it was when an attempt began.
#[derive(Debug, Serialize, ToSchema)]
pub struct PastCandidate {
    /// The provider.
    pub provider: String,
    /// What people call the key now.
    pub key: String,
    /// `chosen`, `tried` (in an earlier attempt), `skipped`, `ready` (it could have served: another was preferred, or the
    /// call itself was refused).
    pub choice: &'static str,
    /// Why, for one that was skipped.
    pub detail: Option<String>,
    /// What held it back then, when it was its standing.
    pub standing: Option<StandingView>,
}

impl Operation for ExplainRequest {
    type Output = RequestExplanation;
    const NAME: &'static str = "request.explain";
    const ACTION: Action = Action::Read;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<RequestExplanation, AdminError> {
        let id = self.request;
        let (row, records) = control.read(move |store| Ok((store.request(id)?, store.load()?))).await?;
        let row = row.ok_or_else(|| AdminError::not_found("request", &id.to_string()))?;
        let providers = involved(control, &row);
        let keys: Vec<_> =
            records.credentials.iter().filter(|key| providers.contains(&key.provider)).map(|key| key.id).collect();
        let since = row.request.created_at();
        let history = control.read(move |store| History::of(store, &keys, since)).await?;
        Ok(explain(&row, &records, &providers, &history))
    }
}

/// The providers that were asked; for a call that was refused before, those that its model leads to now.
fn involved(control: &Control, row: &RequestRow) -> BTreeSet<ProviderId> {
    if !row.attempts.is_empty() {
        return row.attempts.iter().map(|entry| entry.subject.provider).collect();
    }
    let Some(refusal) = &row.refusal else { return BTreeSet::new() };
    match control.pools().lead(TenantId::DEFAULT, &refusal.requested_model, None) {
        Lead::To(way) => way.targets.iter().map(|target| target.provider).collect(),
        Lead::Several(_) | Lead::Nowhere(_) => BTreeSet::new(),
    }
}

fn explain(
    row: &RequestRow,
    records: &Records,
    providers: &BTreeSet<ProviderId>,
    history: &History,
) -> RequestExplanation {
    let request = RequestView::of(row, records, false);
    let refused = row.refusal.as_ref().map(|refusal| &*refusal.code);
    let moment = Then { at: row.request.created_at(), model: None, used: None, tried: &[], refused };
    let candidates = if row.attempts.is_empty() {
        providers.iter().flat_map(|provider| candidates(*provider, records, history, &moment)).collect()
    } else {
        Vec::new()
    };
    let mut tried: Vec<CredentialId> = Vec::new();
    let mut attempts = Vec::new();
    for (entry, attempt) in row.made().zip(RequestView::of(row, records, false).attempts) {
        attempts.push(of_attempt(entry, attempt, records, history, &tried));
        tried.push(entry.subject.credential);
    }
    RequestExplanation { request, attempts, candidates }
}

fn of_attempt(
    entry: &Entry,
    attempt: AttemptView,
    records: &Records,
    history: &History,
    tried: &[CredentialId],
) -> AttemptExplanation {
    let subject = &entry.subject;
    let then =
        Then { at: subject.at, model: Some(&subject.model), used: Some(subject.credential), tried, refused: None };
    let end = subject.at.plus(entry.duration);
    let taught = history.events(subject.credential).filter(|event| {
        let is_its = matches!(event.now.cause, Cause::Answer { request, .. } if request == subject.attempt.request);
        // One key may have answered twice; each answer has its time.
        is_its && event.at >= subject.at && event.at <= end.plus(SETTLED_WITHIN)
    });
    AttemptExplanation {
        attempt,
        taught: taught.map(|event| KeyEventView::of(None, event, records)).collect(),
        candidates: candidates(subject.provider, records, history, &then),
    }
}

/// A row is written this long after its answer ended, at most.
const SETTLED_WITHIN: std::time::Duration = std::time::Duration::from_secs(1);

/// The moment that is explained.
struct Then<'a> {
    at: Timestamp,
    model: Option<&'a str>,
    used: Option<CredentialId>,
    tried: &'a [CredentialId],
    /// With what the call was refused before any key was asked.
    refused: Option<&'a str>,
}

fn candidates(provider: ProviderId, records: &Records, history: &History, then: &Then<'_>) -> Vec<PastCandidate> {
    let name = records.providers.iter().find(|known| known.id == provider).map_or("?", |known| known.name.as_str());
    let keys: Vec<_> = records.credentials.iter().filter(|key| key.provider == provider).collect();
    let mut candidates: Vec<_> = keys
        .iter()
        .map(|key| {
            let (choice, detail, standing) = verdict(key, &keys, history, then);
            PastCandidate { provider: name.to_owned(), key: key.name.clone(), choice, detail, standing }
        })
        .collect();
    candidates.sort_by_key(|candidate| (place(candidate.choice), candidate.key.clone()));
    candidates
}

fn place(choice: &str) -> usize {
    ["chosen", "tried", "ready", "skipped"].iter().position(|known| *known == choice).unwrap_or(0)
}

fn verdict(
    key: &Credential,
    keys: &[&Credential],
    history: &History,
    then: &Then<'_>,
) -> (&'static str, Option<String>, Option<StandingView>) {
    if then.used == Some(key.id) {
        return ("chosen", None, None);
    }
    if then.tried.contains(&key.id) {
        return ("tried", Some("tried already".to_owned()), None);
    }
    if let Some(why) = by_terms(key, keys, then) {
        return ("skipped", Some(why), None);
    }
    if let Some(held) = history.held(key.id, then) {
        let scope = if held.model.is_some() { " for this model" } else { "" };
        let detail = format!("{}{scope}: {}", held.standing.as_str(), held.reason);
        return ("skipped", Some(detail), Some(StandingView::of(held.standing, Some(&held))));
    }
    let why = match then.refused {
        Some(code) => format!("nothing held it back; the call was refused with {code}"),
        None => "it could have served; another was preferred".to_owned(),
    };
    ("ready", Some(why), None)
}

/// What the key's own record says. What it was set to since then is not remembered, and is told as of now.
fn by_terms(key: &Credential, keys: &[&Credential], then: &Then<'_>) -> Option<String> {
    if key.created_at > then.at {
        return Some("it was added later".to_owned());
    }
    if key.state != keyward_domain::credential::CredentialState::Active {
        return Some(format!("it is {} now", key.state.as_str()));
    }
    if key.terms.expires_at.is_some_and(|end| end <= then.at) {
        return Some("expired".to_owned());
    }
    let model = then.model?;
    // Lists of models steer, as in the pool: where nobody's has it, everybody may be asked.
    let is_listed = |key: &Credential| key.models.iter().any(|known| known == model);
    let others_have_it = !key.models.is_empty() && !is_listed(key) && keys.iter().any(|key| is_listed(key));
    (others_have_it || !key.terms.allows_model(model)).then(|| "not for this model".to_owned())
}

/// What is known of how keys stood.
struct History(BTreeMap<CredentialId, Vec<KeyEvent>>);

impl History {
    /// The changes of these keys, newest first, back to what held at this moment.
    fn of(store: &dyn Store, keys: &[CredentialId], since: Timestamp) -> Result<Self, StoreError> {
        let mut all = BTreeMap::new();
        for key in keys {
            let mut events = Vec::new();
            let mut before = None;
            for _ in 0..MAX_PAGES {
                let filter = KeyEventFilter { credential: Some(*key), before, since: None, limit: PAGE };
                let page = store.key_events(&filter)?;
                let is_last = page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
                before = page.last().map(|(position, _)| *position);
                events.extend(page.into_iter().map(|(_, event)| event));
                // A page more than needed to the moment: what holds with a model may be older than what holds as a whole.
                let is_far =
                    events.iter().rev().take(usize::try_from(PAGE / 2).unwrap_or(0)).all(|event| event.at < since);
                if is_last || is_far {
                    break;
                }
            }
            all.insert(*key, events);
        }
        Ok(Self(all))
    }

    fn events(&self, key: CredentialId) -> impl Iterator<Item = &KeyEvent> {
        self.0.get(&key).into_iter().flatten().rev()
    }

    /// What was held against a key at a moment: as a whole, else with the model.
    fn held(&self, key: CredentialId, then: &Then<'_>) -> Option<KeyStanding> {
        let last = |model: Option<&str>| {
            let events = self.0.get(&key)?;
            let event = events.iter().find(|event| event.at <= then.at && event.now.model.as_deref() == model)?;
            (!event.now.standing.is_usable(then.at)).then(|| event.now.clone())
        };
        last(None).or_else(|| then.model.and_then(|model| last(Some(model))))
    }
}
