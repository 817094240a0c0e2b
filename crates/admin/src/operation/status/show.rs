use keyward_domain::principal::Action;
use serde::Deserialize;
use utoipa::ToSchema;

use super::view::StatusView;
use super::warning::{Scene, warnings};
use crate::control::Control;
use crate::error::AdminError;
use crate::operation::{Operation, Permit};

/// Shows one page of everything: what runs, what is kept, what it cost, and what needs attention.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowStatus {}

impl Operation for ShowStatus {
    type Output = StatusView;
    const NAME: &'static str = "status.show";
    const ACTION: Action = Action::Read;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<StatusView, AdminError> {
        let (records, totals) = control.read(|store| Ok((store.load()?, store.ledger_totals()?))).await?;
        let live = control.live();
        let locked = control.vault().is_locked();
        let now = control.now();
        let scene = Scene { records: &records, totals, live: &live, locked, now };
        Ok(StatusView::of(control, &scene, warnings(control, &scene)))
    }
}
