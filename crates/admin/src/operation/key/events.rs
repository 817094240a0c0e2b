use keyward_domain::credential::Credential;
use keyward_domain::ids::CredentialId;
use keyward_domain::port::Records;
use keyward_domain::principal::Action;
use keyward_domain::standing::{KeyEvent, KeyEventFilter};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::StandingView;
use crate::control::Control;
use crate::error::AdminError;
use crate::field::{Cursor, Limit, Moment, Page, Reference, Since, page_of};
use crate::operation::{Operation, Permit};

/// Lists the changes of one key's standing, newest first: who or what, why, and until when.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListKeyEvents {
    /// Its id, its name, or `provider/name`.
    pub key: Reference,
    /// Only from then on.
    pub since: Option<Since>,
    /// The cursor of the page before.
    #[schema(value_type = Option<String>)]
    pub cursor: Option<Cursor<u64>>,
    /// How many.
    #[serde(default)]
    pub limit: Limit,
}

/// Lists the changes of all keys' standings, newest first: who or what, why, and until when.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListAllKeyEvents {
    /// Only from then on.
    pub since: Option<Since>,
    /// The cursor of the page before.
    #[schema(value_type = Option<String>)]
    pub cursor: Option<Cursor<u64>>,
    /// How many.
    #[serde(default)]
    pub limit: Limit,
}

/// A change of a key's standing.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct KeyEventView {
    /// Where it is in the log; `null` for one that is told as it happens.
    pub seq: Option<u64>,
    /// When.
    pub at: Moment,
    /// `provider/name`, or the id of a key that is gone.
    pub key: String,
    /// The key's id.
    pub key_id: String,
    /// With which model; `null` for the key as a whole.
    pub model: Option<String>,
    /// What its standing was.
    pub from: &'static str,
    /// What it is now, and why.
    #[serde(flatten)]
    pub now: StandingView,
}

impl Operation for ListKeyEvents {
    type Output = Page<KeyEventView>;
    const NAME: &'static str = "key.events";
    const ACTION: Action = Action::Read;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<Page<KeyEventView>, AdminError> {
        let records = control.records().await?;
        let key = Control::find_key(&records, &self.key)?.id;
        page(control, &records, Some(key), self.since, self.cursor, self.limit).await
    }
}

impl Operation for ListAllKeyEvents {
    type Output = Page<KeyEventView>;
    const NAME: &'static str = "key.all_events";
    const ACTION: Action = Action::Read;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<Page<KeyEventView>, AdminError> {
        let records = control.records().await?;
        page(control, &records, None, self.since, self.cursor, self.limit).await
    }
}

async fn page(
    control: &Control,
    records: &Records,
    credential: Option<CredentialId>,
    since: Option<Since>,
    cursor: Option<Cursor<u64>>,
    limit: Limit,
) -> Result<Page<KeyEventView>, AdminError> {
    let filter = KeyEventFilter {
        credential,
        before: cursor.map(|cursor| cursor.0),
        since: since.map(|since| since.resolve(control.now())),
        limit: limit.get() + 1,
    };
    let events = control.read(move |store| store.key_events(&filter)).await?;
    let views = events.iter().map(|(seq, event)| KeyEventView::of(Some(*seq), event, records));
    Ok(page_of(views.collect(), limit, |view| view.seq.unwrap_or(0).to_string()))
}

impl KeyEventView {
    /// The view of a change, with the names that its key has now.
    pub fn of(seq: Option<u64>, event: &KeyEvent, records: &Records) -> Self {
        let id = event.now.credential;
        let key = records.credentials.iter().find(|key| key.id == id);
        Self {
            seq,
            at: Moment(event.at),
            key: key.map_or_else(|| id.to_string(), |key| full_name(key, records)),
            key_id: id.to_string(),
            model: event.now.model.clone(),
            from: event.from.as_str(),
            now: StandingView::of(event.now.standing, Some(&event.now)),
        }
    }
}

/// `provider/name`.
pub(crate) fn full_name(key: &Credential, records: &Records) -> String {
    let provider = records.providers.iter().find(|provider| provider.id == key.provider);
    format!("{}/{}", provider.map_or("?", |provider| provider.name.as_str()), key.name)
}
