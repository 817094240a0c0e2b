use std::borrow::Cow;

use keyward_domain::credential::Credential;
use keyward_domain::ids::{CredentialId, TenantId};
use keyward_domain::origin::Origin;

/// Where a secret lives and where it may go. It opens in exactly the place that it was sealed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place<'a> {
    /// Whose it is.
    pub tenant: TenantId,
    /// Kind of row.
    pub table: &'a str,
    /// Which row, in its written form.
    pub record: Cow<'a, str>,
    /// Which field of the row.
    pub field: &'a str,
    /// Which version of the sealed value.
    pub version: u64,
    /// Where it may be sent; empty for what never leaves.
    pub destinations: &'a [Origin],
}

impl<'a> Place<'a> {
    /// The place of a credential's secret.
    pub fn of_credential(credential: &'a Credential) -> Self {
        Self::of_provider_key(credential.tenant, credential.id, credential.seal_version, &credential.sealed_for.origin)
    }

    /// The place of a credential's secret, before its record is put together.
    pub fn of_provider_key(tenant: TenantId, id: CredentialId, seal_version: u64, destination: &'a Origin) -> Self {
        Self {
            tenant,
            table: "provider_key",
            record: Cow::Owned(id.to_string()),
            field: "secret",
            version: seal_version,
            destinations: std::slice::from_ref(destination),
        }
    }
}
