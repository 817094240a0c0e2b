//! Records that are kept as the JSON of their domain type.

use keyward_domain::port::StoreError;
use rusqlite::Row;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::failed;

/// The record as text. `noun` is what an error calls it.
pub(super) fn write(record: &impl Serialize, noun: &str) -> Result<String, StoreError> {
    serde_json::to_string(record)
        .map_err(|error| StoreError::Failed(format!("{noun} could not be written down: {error}")))
}

/// The record in this column. `noun` is what an error calls it.
pub(super) fn read<T: DeserializeOwned>(row: &Row<'_>, column: usize, noun: &str) -> Result<T, StoreError> {
    let body = row.get_ref(column).map_err(failed)?;
    let text = body.as_str().map_err(|error| StoreError::Damaged(format!("{noun} ({error})")))?;
    serde_json::from_str(text).map_err(|error| StoreError::Damaged(format!("{noun} ({error})")))
}
