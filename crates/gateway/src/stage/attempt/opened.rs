//! Credentials opened for use: sealed in the store, opened in the vault, and kept on this event loop as a ready-made
//! header for as long as they are in use.

use std::cell::RefCell;
use std::time::Duration;

use http::header::{HeaderName, HeaderValue};
use keyward_domain::dialect::Dialect;
use keyward_domain::ids::CredentialId;
use keyward_provider::credential_header;
use keyward_vault::{Place, VaultError};

use crate::snapshot::{FastMap, Pooled};
use crate::stage::arrive::Arrival;
use crate::stage::route::Candidate;
use crate::worker::Worker;

/// A credential that was not used for this long is forgotten and opened again when needed.
const MAX_IDLE: Duration = Duration::from_mins(10);

/// The opened credentials of an event loop.
#[derive(Default)]
pub(crate) struct OpenedKeys(RefCell<FastMap<(CredentialId, u64, Dialect), Opened>>);

struct Opened {
    header: Option<(HeaderName, HeaderValue)>,
    used: Duration,
}

/// Why a credential cannot be used.
pub(super) enum Unopened {
    Locked,
    Damaged(&'static str),
}

impl OpenedKeys {
    /// The header that carries the candidate's credential; `None` for a provider that wants none.
    pub(super) fn header(
        &self,
        worker: &Worker,
        arrival: &Arrival,
        candidate: &Candidate,
    ) -> Result<Option<(HeaderName, HeaderValue)>, Unopened> {
        let Some(pooled) = candidate.key.as_ref().map(|key| &key.pooled) else { return Ok(None) };
        let place = (pooled.id, pooled.record.seal_version, arrival.dialect);
        if let Some(opened) = self.0.borrow_mut().get_mut(&place) {
            opened.used = arrival.began;
            return Ok(opened.header.clone());
        }
        let header = open(worker, arrival.dialect, pooled, candidate)?;
        self.0.borrow_mut().insert(place, Opened { header: header.clone(), used: arrival.began });
        Ok(header)
    }

    /// Forgets what has not been used for a while; everything when the vault is locked.
    pub(crate) fn forget(&self, now: Duration, vault_is_locked: bool) {
        self.0.borrow_mut().retain(|_, opened| !vault_is_locked && now.saturating_sub(opened.used) < MAX_IDLE);
    }
}

fn open(
    worker: &Worker,
    dialect: Dialect,
    pooled: &Pooled,
    candidate: &Candidate,
) -> Result<Option<(HeaderName, HeaderValue)>, Unopened> {
    let provider = &candidate.target.provider;
    if pooled.record.envelope.is_empty() {
        return Ok(None);
    }
    if pooled.record.sealed_for.origin != provider.base.origin {
        return Err(Unopened::Damaged("sealed for another address: enter it again with `keyward key replace`"));
    }
    let secret = worker.shared.vault.open(&Place::of_credential(&pooled.record), &pooled.record.envelope);
    let secret = secret.map_err(|error| match error {
        VaultError::Locked => Unopened::Locked,
        _ => Unopened::Damaged("its sealed record is damaged: enter it again with `keyward key replace`"),
    })?;
    credential_header(provider.kind, dialect, &secret).map_err(|_| {
        Unopened::Damaged("it holds characters that no header can carry: enter it again with `keyward key replace`")
    })
}
