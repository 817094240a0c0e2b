//! Stage 1: headers -> [`Caller`]. Before the body is read, before anything is looked up in a store: form and checksum,
//! then one map, then one keyed hash.

use std::sync::Arc;

use http::header::{AUTHORIZATION, HeaderName};
use http::{HeaderMap, Request};
use hyper::body::Incoming;
use keyward_domain::denial::Denial;
use keyward_domain::token::{Environment, PresentedToken, TokenError};
use keyward_vault::Verified;

use crate::snapshot::{KeyEntry, Snapshot};
use crate::stage::arrive::Arrival;
use crate::worker::Worker;

const API_KEY_HEADERS: [HeaderName; 3] = [
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("x-goog-api-key"),
    HeaderName::from_static("api-key"),
];

/// Somebody whose virtual key is known, in use, and good for where the call comes from.
pub(crate) struct Caller {
    key: Arc<KeyEntry>,
}

impl Caller {
    /// The virtual key and its world.
    pub(crate) fn key(&self) -> &KeyEntry {
        &self.key
    }

    /// The same, to be kept.
    pub(crate) fn entry(&self) -> &Arc<KeyEntry> {
        &self.key
    }
}

/// Finds out who is calling.
pub(crate) fn caller(worker: &Worker, arrival: &mut Arrival, request: &Request<Incoming>) -> Result<Caller, Denial> {
    let key = holder(worker, arrival, request).map_err(|denial| guessed(worker, arrival, denial))?;
    arrival.caller = Some((key.record.tenant, key.record.id));
    key.record.check_active(arrival.at).map_err(|_| Denial::KeyInactive)?;
    if !key.chain.is_enabled() {
        return Err(Denial::KeyInactive);
    }
    if !(key.record.grant.allows_address(arrival.peer) && key.chain.allows_address(arrival.peer)) {
        return Err(Denial::AddressNotAllowed);
    }
    Ok(Caller { key })
}

fn holder(worker: &Worker, arrival: &Arrival, request: &Request<Incoming>) -> Result<Arc<KeyEntry>, Denial> {
    let token = presented(request.headers(), request.uri().query(), worker.shared.options.allow_query_key)?;
    let token = PresentedToken::parse(token).map_err(form)?;
    check_environment(token.environment)?;
    known(&worker.snapshot(), &token, arrival)
}

/// Who tries many keys that are not valid is told less and less often even that. Asked only once a key turned out not to be
/// valid, so that whoever guesses keeps nobody else at the same address out, and good keys pay nothing for it.
fn guessed(worker: &Worker, arrival: &Arrival, denial: Denial) -> Denial {
    let Denial::InvalidKey(_) = denial else { return denial };
    match worker.shared.guesses.failed(arrival.peer, worker.monotonic()) {
        Ok(()) => denial,
        Err(after) => Denial::TooManyGuesses(after),
    }
}

/// The one credential of the request, from wherever the client's SDK puts it.
fn presented<'a>(headers: &'a HeaderMap, query: Option<&'a str>, allow_query: bool) -> Result<&'a [u8], Denial> {
    let mut found: Option<&[u8]> = None;
    let mut take = |value: &'a [u8]| match found {
        Some(before) if before != value => Err(Denial::AmbiguousCredentials),
        _ => {
            found = Some(value);
            Ok(())
        }
    };
    for value in headers.get_all(AUTHORIZATION) {
        if let Some(value) = bearer(value.as_bytes())? {
            take(value)?;
        }
    }
    for name in &API_KEY_HEADERS {
        for value in headers.get_all(name) {
            let value = value.as_bytes().trim_ascii();
            if !value.is_empty() {
                take(value)?;
            }
        }
    }
    if let Some(value) = query.and_then(query_key) {
        if !allow_query {
            return Err(Denial::InvalidKey(
                "keys in the query string are refused because they end up in logs; send it as a header",
            ));
        }
        take(value.as_bytes())?;
    }
    found.ok_or(Denial::MissingCredential)
}

fn bearer(value: &[u8]) -> Result<Option<&[u8]>, Denial> {
    let value = value.trim_ascii();
    let (scheme, rest) = value.split_at(value.iter().position(|byte| *byte == b' ').unwrap_or(value.len()));
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Err(Denial::InvalidKey("Authorization has to be `Bearer` followed by the key"));
    }
    let token = rest.trim_ascii();
    Ok((!token.is_empty()).then_some(token))
}

fn query_key(query: &str) -> Option<&str> {
    query.split('&').find_map(|pair| pair.strip_prefix("key="))
}

fn form(error: TokenError) -> Denial {
    Denial::InvalidKey(match error {
        TokenError::Form => "it does not have the form kw_live_...",
        TokenError::Whitespace => "there is white space inside it",
        TokenError::Checksum => "its checksum does not match, so it was mistyped or cut",
    })
}

fn check_environment(environment: Environment) -> Result<(), Denial> {
    match environment {
        Environment::Live | Environment::Test => Ok(()),
        Environment::Adm | Environment::Boot => Err(Denial::WrongKeyEnvironment(
            "This is an admin token. Calls to models need a virtual key (kw_live_...): make one with `keyward vkey create`.",
        )),
    }
}

/// The key that this token belongs to. An unknown id costs as much work as a wrong secret, and reads the same.
fn known(world: &Snapshot, token: &PresentedToken<'_>, arrival: &Arrival) -> Result<Arc<KeyEntry>, Denial> {
    let verifier = world.verifier.as_ref().ok_or(Denial::VaultLocked)?;
    let Some(key) = world.keys.get(&token.id.bits()) else {
        verifier.verify_dummy(token);
        return Err(Denial::InvalidKey("nobody here knows it"));
    };
    match verifier.verify(token, &key.record.tokens, arrival.at) {
        Verified::Live if key.record.environment == token.environment => Ok(Arc::clone(key)),
        Verified::RotatedOut => Err(Denial::KeyInactive),
        Verified::Live | Verified::Wrong => Err(Denial::InvalidKey("nobody here knows it")),
    }
}
