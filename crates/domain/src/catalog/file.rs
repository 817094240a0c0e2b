//! The file around the entries.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::{CatalogError, Models};

const SCHEMA: u64 = 1;

/// A whole catalog file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File<'a> {
    schema: u64,
    #[serde(default, rename = "money_unit")]
    _money_unit: IgnoredAny,
    /// The date of the facts.
    #[serde(borrow)]
    pub(super) generated: Cow<'a, str>,
    #[serde(default, rename = "facts_from")]
    _facts_from: IgnoredAny,
    pub(super) providers: BTreeMap<Box<str>, Listed>,
}

/// What is said about one provider. Live price feeds and prices by model size are not used: the first need the
/// network, the second a guess at a model's size.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listed {
    #[serde(default)]
    pub(super) models: Models,
    #[serde(default, rename = "live_prices")]
    _live_prices: IgnoredAny,
    #[serde(default, rename = "classes")]
    _classes: IgnoredAny,
}

/// A file that is laid over a catalog.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Overlay {
    schema: u64,
    providers: BTreeMap<String, OverlayProvider>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OverlayProvider {
    models: BTreeMap<String, Value>,
}

pub(super) fn read(json: &[u8]) -> Result<File<'_>, CatalogError> {
    let file: File = serde_json::from_slice(json).map_err(|error| CatalogError::Form(error.to_string()))?;
    checked(file.schema).map(|()| file)
}

/// The changes of an overlay: provider, then model and what is said about it.
pub(super) fn read_overlay(
    json: &[u8],
) -> Result<impl Iterator<Item = (String, BTreeMap<String, Value>)>, CatalogError> {
    let overlay: Overlay = serde_json::from_slice(json).map_err(|error| CatalogError::Form(error.to_string()))?;
    checked(overlay.schema)?;
    Ok(overlay.providers.into_iter().map(|(provider, listed)| (provider, listed.models)))
}

fn checked(schema: u64) -> Result<(), CatalogError> {
    if schema == SCHEMA { Ok(()) } else { Err(CatalogError::Schema(schema)) }
}
