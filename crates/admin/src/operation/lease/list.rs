use keyward_domain::ids::RequestId;
use keyward_domain::lease::Lease;
use keyward_domain::port::Records;
use keyward_domain::principal::{Action, Resource};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::control::Control;
use crate::error::AdminError;
use crate::field::{Cursor, Limit, Moment, Page, page_of};
use crate::operation::{Operation, Permit};

/// Lists the leases that are open, newest first. A lease that has ended is in the request log.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListLeases {
    /// The cursor of the page before.
    #[schema(value_type = Option<String>)]
    pub cursor: Option<Cursor<RequestId>>,
    /// How many.
    #[serde(default)]
    pub limit: Limit,
}

/// A lease as the control plane shows it. Never holds the secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeaseView {
    /// Its id; its row in the request log will have the same.
    pub id: String,
    /// Where it is in its life.
    pub state: &'static str,
    /// The id of the virtual key that took it.
    pub virtual_key: String,
    /// That virtual key's name, while it is known.
    pub virtual_key_name: Option<String>,
    /// The provider's name when the lease was taken.
    pub provider: String,
    /// The provider key's name when the lease was taken.
    pub key: String,
    /// The provider's model that it was taken for; `null` for any.
    pub model: Option<String>,
    /// When it was taken.
    pub taken_at: Moment,
    /// From this moment on it is over, reported or not.
    pub expires_at: Moment,
}

impl Operation for ListLeases {
    type Output = Page<LeaseView>;
    const NAME: &'static str = "lease.list";
    const ACTION: Action = Action::Read;
    const RESOURCE: Resource = Resource::Team;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<Page<LeaseView>, AdminError> {
        let records = control.records().await?;
        let mut open = control.read(|store| store.open_leases()).await?;
        open.sort_unstable_by_key(|lease| std::cmp::Reverse(lease.id));
        let before = self.cursor.map(|cursor| cursor.0);
        let wanted = open.iter().filter(|lease| before.is_none_or(|before| lease.id < before));
        let views = wanted.take(self.limit.as_len() + 1).map(|lease| LeaseView::of(lease, &records));
        Ok(page_of(views.collect(), self.limit, |view| view.id.clone()))
    }
}

impl LeaseView {
    fn of(lease: &Lease, records: &Records) -> Self {
        let taker = records.virtual_keys.iter().find(|key| key.id == lease.virtual_key);
        Self {
            id: lease.id.to_string(),
            state: lease.state.as_str(),
            virtual_key: lease.virtual_key.to_string(),
            virtual_key_name: taker.map(|key| key.name.clone()),
            provider: lease.provider_name.clone(),
            key: lease.credential_name.clone(),
            model: lease.model.clone(),
            taken_at: Moment(lease.taken_at),
            expires_at: Moment(lease.expires_at),
        }
    }
}
