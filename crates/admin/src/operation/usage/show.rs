use std::time::Duration;

use keyward_domain::ledger::UsageQuery;
use keyward_domain::principal::Action;
use serde::Deserialize;
use utoipa::ToSchema;

use super::text;
use super::view::{Format, UsageReport};
use crate::control::Control;
use crate::error::AdminError;
use crate::field::{GroupBy, Since};
use crate::operation::{Operation, Permit};

/// The range when nobody says: the last 30 days.
const DEFAULT_RANGE: Duration = Duration::from_hours(30 * 24);

/// More lines than this are refused: nobody reads them, and they would be built in memory.
const MAX_LINES: usize = 10_000;

/// Sums tokens and cost over the ledger. The range is rounded to whole hours in UTC.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowUsage {
    /// From when on; the last 30 days when left out.
    pub since: Option<Since>,
    /// Up to when, exclusive; now when left out.
    pub until: Option<Since>,
    /// What to sum by; one total when left out.
    #[serde(default)]
    pub group_by: GroupBy,
    /// `json` (when left out), `csv`, or `table`.
    pub format: Option<String>,
}

impl Operation for ShowUsage {
    type Output = UsageReport;
    const NAME: &'static str = "usage.show";
    const ACTION: Action = Action::Read;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<UsageReport, AdminError> {
        let now = control.now();
        let format = Format::parse(self.format.as_deref())?;
        let since = self.since.map_or_else(|| now.minus(DEFAULT_RANGE), |since| since.resolve(now));
        let until = self.until.map_or(now, |until| until.resolve(now));
        if since >= until {
            return Err(AdminError::invalid_field("since", "since has to be earlier than until"));
        }
        let query = UsageQuery { since, until, group_by: self.group_by.0.clone() };
        let rows = control.read(move |store| store.usage(&query)).await?;
        if rows.len() > MAX_LINES {
            return Err(AdminError::invalid(
                "this would be more than 10000 lines; take a shorter range or fewer dimensions",
            ));
        }
        let records = control.records().await?;
        Ok(UsageReport::of(&rows, &self.group_by, &records, (since, until), format))
    }

    fn as_text(output: &UsageReport) -> Option<(&'static str, String)> {
        match output.format {
            Format::Json => None,
            Format::Csv => Some(("text/csv; charset=utf-8", text::csv(output))),
            Format::Table => Some(("text/plain; charset=utf-8", text::table(output))),
        }
    }
}
