use std::time::Duration;

use keyward_domain::ledger::{Dimension, UsageQuery, UsageRow};
use keyward_domain::port::{Store, StoreError};
use keyward_domain::principal::{Action, Resource};
use keyward_domain::time::Timestamp;
use keyward_domain::window::Zone;
use serde::Deserialize;
use utoipa::ToSchema;

use super::text;
use super::view::{Format, UsageReport};
use crate::control::Control;
use crate::error::AdminError;
use crate::field::{GroupBy, Since, ZoneName};
use crate::operation::{Operation, Permit};

/// The range when nobody says: the last 30 days.
const DEFAULT_RANGE: Duration = Duration::from_hours(30 * 24);

/// More lines than this are refused: nobody reads them, and they would be built in memory.
const MAX_LINES: usize = 10_000;

/// Sums tokens and cost over the ledger, each attempt where it began. The range is rounded to whole quarters of an hour.
/// By `tag`, an attempt with several tags counts in the line of each, and once in the total.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowUsage {
    /// From when on; the last 30 days when left out. A plain date begins at the zone's midnight.
    pub since: Option<Since>,
    /// Up to when, exclusive; now when left out.
    pub until: Option<Since>,
    /// Whose hours, days, weeks and months count; UTC when left out.
    #[serde(default)]
    pub zone: ZoneName,
    /// What to sum by; one total when left out.
    #[serde(default)]
    pub group_by: GroupBy,
    /// `json` (when left out), `jsonl`, `csv`, or `table`.
    pub format: Option<String>,
}

impl Operation for ShowUsage {
    type Output = UsageReport;
    const NAME: &'static str = "usage.show";
    const ACTION: Action = Action::Read;
    const RESOURCE: Resource = Resource::Team;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<UsageReport, AdminError> {
        let format = Format::parse(self.format.as_deref())?;
        let zone = self.zone.0;
        let (since, until) = range(control.now(), self.since, self.until, &zone)?;
        let query = UsageQuery { since, until, group_by: self.group_by.0.clone(), zone };
        let asked = query.clone();
        let (rows, total) = control.read(move |store| Ok((store.usage(&asked)?, total(store, &asked)?))).await?;
        if rows.len() > MAX_LINES {
            return Err(AdminError::invalid(
                "this would be more than 10000 lines; take a shorter range or fewer dimensions",
            ));
        }
        let records = control.records().await?;
        Ok(UsageReport::of(&rows, total.as_ref(), &self.group_by, &records, &query, format))
    }

    fn as_text(output: &UsageReport) -> Option<(&'static str, String)> {
        match output.format {
            Format::Json => None,
            Format::JsonLines => Some(("application/x-ndjson", text::json_lines(output))),
            Format::Csv => Some(("text/csv; charset=utf-8", text::csv(output))),
            Format::Table => Some(("text/plain; charset=utf-8", text::table(output))),
        }
    }
}

/// The range that is meant.
pub(super) fn range(
    now: Timestamp,
    since: Option<Since>,
    until: Option<Since>,
    zone: &Zone,
) -> Result<(Timestamp, Timestamp), AdminError> {
    let since = since.map_or_else(|| now.minus(DEFAULT_RANGE), |since| since.resolve_in(now, zone));
    let until = until.map_or(now, |until| until.resolve_in(now, zone));
    if since >= until {
        return Err(AdminError::invalid_field("since", "since has to be earlier than until"));
    }
    Ok((since, until))
}

/// Everything together, asked for on its own where the lines overlap.
fn total(store: &dyn Store, query: &UsageQuery) -> Result<Option<UsageRow>, StoreError> {
    if !query.group_by.contains(&Dimension::Tag) {
        return Ok(None);
    }
    Ok(store.usage(&UsageQuery { group_by: Vec::new(), ..query.clone() })?.pop())
}
