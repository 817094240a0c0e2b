use std::borrow::Cow;

use keyward_domain::ledger::{EntryFilter, MAX_ENTRIES};
use keyward_domain::principal::Action;
use serde::{Deserialize, Serialize};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::columns::{self, Names};
use super::show::range;
use crate::control::{Control, Pages};
use crate::error::AdminError;
use crate::field::{Since, ZoneName};
use crate::operation::{Operation, Permit};

/// Writes the ledger's rows, one attempt or correction a line, oldest requests first. Columns keep their names and their
/// order; new ones are added at the end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportUsage {
    /// From when on, by when attempts began; the last 30 days when left out.
    pub since: Option<Since>,
    /// Up to when, exclusive; now when left out.
    pub until: Option<Since>,
    /// Where plain dates begin; UTC when left out. Moments are written in UTC always.
    #[serde(default)]
    pub zone: ZoneName,
    /// `csv` (when left out) or `jsonl`.
    pub format: Option<String>,
}

/// The ledger's rows as text.
#[derive(Debug, Serialize)]
pub struct Export {
    #[serde(skip)]
    pages: Option<Pages>,
}

// By hand: what is answered is text.
impl PartialSchema for Export {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).into()
    }
}

impl ToSchema for Export {
    fn name() -> Cow<'static, str> {
        "Export".into()
    }
}

impl Operation for ExportUsage {
    type Output = Export;
    const NAME: &'static str = "usage.export";
    const ACTION: Action = Action::Read;
    const CONTENT_TYPE: &'static str = columns::CSV;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<Export, AdminError> {
        let (since, until) = range(control.now(), self.since, self.until, &self.zone.0)?;
        let filter = EntryFilter { since, until, after: None, limit: MAX_ENTRIES };
        let names = Names::of(&control.records().await?);
        let pages = match self.format.as_deref() {
            None | Some("csv") => Pages::new(columns::CSV, columns::csv_head(), filter, move |entry, text| {
                columns::csv(entry, &names, text);
            }),
            Some("jsonl") => Pages::new(columns::JSON_LINES, String::new(), filter, move |entry, text| {
                columns::json_line(entry, &names, text);
            }),
            Some(_) => return Err(AdminError::invalid_field("format", "format is `csv` or `jsonl`")),
        };
        Ok(Export { pages: Some(pages) })
    }

    fn as_pages(output: &mut Export) -> Option<Pages> {
        output.pages.take()
    }
}
