//! What may be granted to tenants, teams, users and virtual keys, as inputs and in words.

use keyward_domain::dialect;
use keyward_domain::virtual_key::Grant;

use crate::error::AdminError;
use crate::field::{ModelPattern, Networks, Operations};

/// How many model patterns one grant has at most.
const MAX_PATTERNS: usize = 256;

/// What a change says about a grant; what is left out stays.
pub(super) struct GrantEdit {
    pub(super) models: Option<Vec<ModelPattern>>,
    pub(super) operations: Option<Operations>,
    pub(super) addresses: Option<Networks>,
}

/// The grant of something new.
pub(super) fn grant_of(
    models: Vec<ModelPattern>,
    operations: Operations,
    addresses: Networks,
) -> Result<Grant, AdminError> {
    Ok(Grant { models: patterns(models)?, operations: operations.0, addresses: addresses.0 })
}

impl GrantEdit {
    /// Changes what it names.
    pub(super) fn apply(self, grant: &mut Grant) -> Result<(), AdminError> {
        if let Some(models) = self.models {
            grant.models = patterns(models)?;
        }
        if let Some(operations) = self.operations {
            grant.operations = operations.0;
        }
        if let Some(addresses) = self.addresses {
            grant.addresses = addresses.0;
        }
        Ok(())
    }
}

/// Which parts of a grant changed.
pub(super) fn changed_parts(old: &Grant, new: &Grant) -> [(&'static str, bool); 3] {
    [
        ("models", old.models != new.models),
        ("operations", old.operations != new.operations),
        ("addresses", old.addresses != new.addresses),
    ]
}

/// What changed about the object of this name, for the audit log.
pub(super) fn in_words(name: &str, parts: impl IntoIterator<Item = (&'static str, bool)>) -> String {
    let changed: Vec<_> = parts.into_iter().filter_map(|(part, changed)| changed.then_some(part)).collect();
    format!("{name}: {}", changed.join(", "))
}

/// The words for the operations of a grant.
pub(super) fn operation_words(grant: &Grant) -> Vec<&'static str> {
    grant.operations.iter().copied().map(dialect::Operation::as_str).collect()
}

/// The networks of a grant in CIDR form.
pub(super) fn network_texts(grant: &Grant) -> Vec<String> {
    grant.addresses.iter().map(ToString::to_string).collect()
}

fn patterns(patterns: Vec<ModelPattern>) -> Result<Vec<String>, AdminError> {
    if patterns.len() > MAX_PATTERNS {
        return Err(AdminError::invalid_field("models", "a grant names at most 256 models; use patterns ending in *"));
    }
    Ok(patterns.into_iter().map(ModelPattern::into_string).collect())
}
