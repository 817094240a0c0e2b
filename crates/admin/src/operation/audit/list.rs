use keyward_domain::audit::AuditEntry;
use keyward_domain::principal::{Action, Realm, Resource};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::control::Control;
use crate::error::AdminError;
use crate::field::{Cursor, Limit, Moment, Page, page_of};
use crate::operation::{Operation, Permit};

/// Lists the audit log, newest first.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListAudit {
    /// The cursor of the page before.
    #[schema(value_type = Option<String>)]
    pub cursor: Option<Cursor<u64>>,
    /// Only entries before this position.
    #[schema(value_type = Option<u64>)]
    pub before: Option<Cursor<u64>>,
    /// How many.
    #[serde(default)]
    pub limit: Limit,
}

/// One entry of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditView {
    /// Position in the log, without gaps, from 1; `null` for those who see a part of it only.
    pub seq: Option<u64>,
    /// The entry's id.
    pub id: String,
    /// When it happened.
    pub at: Moment,
    /// Who did it.
    pub actor: String,
    /// What was done, as `noun.verb`.
    pub action: String,
    /// What it was done to.
    pub object: String,
    /// How it ended: `done` or `refused`.
    pub outcome: &'static str,
    /// What changed.
    pub detail: String,
}

impl Operation for ListAudit {
    type Output = Page<AuditView>;
    const NAME: &'static str = "audit.list";
    const ACTION: Action = Action::Read;
    const RESOURCE: Resource = Resource::Team;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<Page<AuditView>, AdminError> {
        let (before, limit) = (self.cursor.or(self.before).map(|cursor| cursor.0), self.limit.get() + 1);
        let entries = control.read(move |store| store.audit(before, limit)).await?;
        let position = |view: &AuditView| view.seq.unwrap_or_default().to_string();
        let mut page = page_of(entries.into_iter().map(AuditView::of).collect(), self.limit, position);
        if control.realm() != Realm::Installation {
            // Gaps would count what others do.
            page.items.iter_mut().for_each(|view| view.seq = None);
        }
        Ok(page)
    }
}

impl AuditView {
    fn of(entry: AuditEntry) -> Self {
        Self {
            seq: Some(entry.seq),
            id: entry.id.to_string(),
            at: Moment(entry.at),
            actor: entry.actor,
            action: entry.action,
            object: entry.object,
            outcome: entry.outcome.as_str(),
            detail: entry.detail,
        }
    }
}
