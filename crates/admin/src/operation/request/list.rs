use keyward_domain::ids::RequestId;
use keyward_domain::ledger::RequestFilter;
use keyward_domain::principal::{Action, Resource};
use serde::Deserialize;
use utoipa::ToSchema;

use super::RequestView;
use crate::control::Control;
use crate::error::AdminError;
use crate::field::{Cursor, Flag, Limit, Page, Reference, Since, page_of};
use crate::operation::{Operation, Permit};

/// Lists the request log, newest first.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListRequests {
    /// Only this virtual key's: its id or name.
    pub virtual_key: Option<Reference>,
    /// Only failures and refusals.
    #[serde(default)]
    #[schema(value_type = bool)]
    pub failed_only: Flag,
    /// Only from then on.
    pub since: Option<Since>,
    /// The cursor of the page before.
    #[schema(value_type = Option<String>)]
    pub cursor: Option<Cursor<RequestId>>,
    /// How many.
    #[serde(default)]
    pub limit: Limit,
}

impl Operation for ListRequests {
    type Output = Page<RequestView>;
    const NAME: &'static str = "request.list";
    const ACTION: Action = Action::Read;
    const RESOURCE: Resource = Resource::Team;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<Page<RequestView>, AdminError> {
        let records = control.records().await?;
        let virtual_key = match &self.virtual_key {
            Some(reference) => Some(Control::find_vkey(&records, reference)?.id),
            None => None,
        };
        let filter = RequestFilter {
            tenant: None,
            before: self.cursor.map(|cursor| cursor.0),
            virtual_key,
            failed_only: self.failed_only.0,
            since: self.since.map(|since| since.resolve(control.now())),
            limit: self.limit.get() + 1,
        };
        let rows = control.read(move |store| store.requests(&filter)).await?;
        let views = rows.iter().map(|row| RequestView::of(row, &records, false));
        Ok(page_of(views.collect(), self.limit, |view| view.id.clone()))
    }
}
