use std::borrow::Cow;

use keyward_domain::audit::AuditDraft;
use keyward_domain::port::Records;
use keyward_domain::principal::Action;
use serde::{Deserialize, Serialize};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::control::{Control, Feed, Happening};
use crate::error::AdminError;
use crate::field::Moment;
use crate::operation::key::KeyEventView;
use crate::operation::{Operation, Permit};

/// Follows what happens, as server-sent events: `standing` for each change of a key's standing, `change` for each change
/// that somebody made, `missed` with a number when the reader was too slow. Ends when the token is no longer valid.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FollowEvents {}

/// The beginning of a stream of events.
#[derive(Debug, Serialize)]
pub struct Events {
    #[serde(skip)]
    feed: Option<Feed>,
}

// By hand: what is described is one event, because a stream has no schema.
impl PartialSchema for Events {
    fn schema() -> RefOr<Schema> {
        EventView::schema()
    }
}

impl ToSchema for Events {
    fn name() -> Cow<'static, str> {
        EventView::name()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        EventView::schemas(schemas);
    }
}

/// What happened, as the data of a server-sent event. Its name says which it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum EventView {
    /// `standing`: a key's standing changed.
    Standing(Box<KeyEventView>),
    /// `change`: somebody changed something.
    Change(ChangeView),
    /// `missed`: the reader was too slow.
    Missed {
        /// How many events passed it by.
        missed: u64,
    },
}

/// A change that somebody made, as the audit log has it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangeView {
    /// When it happened.
    pub at: Moment,
    /// Who did it.
    pub actor: String,
    /// What was done, as `noun.verb`.
    pub action: &'static str,
    /// What it was done to.
    pub object: String,
    /// What changed.
    pub detail: String,
}

impl Operation for FollowEvents {
    type Output = Events;
    const NAME: &'static str = "event.follow";
    const ACTION: Action = Action::Read;
    const CONTENT_TYPE: &'static str = "text/event-stream";

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<Events, AdminError> {
        Ok(Events { feed: Some(control.follow()?) })
    }

    fn as_feed(output: &mut Events) -> Option<Feed> {
        output.feed.take()
    }
}

impl EventView {
    /// The view of what happened.
    pub(crate) fn of(happening: &Happening, records: &Records) -> Self {
        match happening {
            Happening::Standing(event) => Self::Standing(Box::new(KeyEventView::of(None, event, records))),
            Happening::Change(change) => Self::Change(ChangeView::of(change)),
        }
    }

    /// The event's name.
    pub(crate) const fn event_name(&self) -> &'static str {
        match self {
            Self::Standing(_) => "standing",
            Self::Change(_) => "change",
            Self::Missed { .. } => "missed",
        }
    }
}

impl ChangeView {
    fn of(change: &AuditDraft) -> Self {
        Self {
            at: Moment(change.at),
            actor: change.actor.clone(),
            action: change.action,
            object: change.object.clone(),
            detail: change.detail.clone(),
        }
    }
}
