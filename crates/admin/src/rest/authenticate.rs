//! Who is asking: the owner of the home at the local door, the holder of an admin token everywhere else.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError};

use http::HeaderMap;
use http::header::AUTHORIZATION;
use keyward_domain::ancestry::Ancestry;
use keyward_domain::port::Records;
use keyward_domain::principal::{AdminToken, Principal, Realm};
use keyward_domain::token::{Environment, PresentedToken, TokenError};
use keyward_domain::virtual_key::KeyStatus;
use keyward_vault::{TokenVerifier, Verified};

use super::{Door, Entry, Plane};
use crate::error::AdminError;

const UNKNOWN: &str = "nobody here knows it";

/// The principal of a request from this address. Who tries many tokens that are not valid is told less and less often even
/// that. Asked only once a token turned out not to be valid, so that whoever guesses keeps nobody else at the same address
/// out, and good tokens pay nothing for it.
pub(super) async fn principal(door: &Door, headers: &HeaderMap, peer: IpAddr) -> Result<Principal, AdminError> {
    let refused = match still(door, headers).await {
        Err(refused @ AdminError::InvalidKey(_)) => refused,
        known => return known,
    };
    let guessed = door.plane.guesses.failed(peer, door.plane.control.moment().monotonic);
    Err(guessed.map_or_else(AdminError::TooManyGuesses, |()| refused))
}

/// The same for a request that goes on: whether its principal still is one.
pub(super) async fn still(door: &Door, headers: &HeaderMap) -> Result<Principal, AdminError> {
    match door.entry {
        Entry::Local => Ok(Principal::LocalOwner),
        Entry::Tcp => holder(&door.plane, headers).await,
    }
}

async fn holder(plane: &Plane, headers: &HeaderMap) -> Result<Principal, AdminError> {
    let presented = PresentedToken::parse(bearer(headers)?).map_err(|error| AdminError::InvalidKey(bad_form(error)))?;
    match presented.environment {
        Environment::Adm => {}
        Environment::Live | Environment::Test => return Err(AdminError::WrongKeyEnvironment),
        Environment::Boot => return Err(AdminError::InvalidKey("it is for the first set-up only")),
    }
    let verifier = verifier(plane)?;
    let records = plane.control.records().await?;
    let Some(token) = records.admin_tokens.iter().find(|token| token.token_id == presented.id) else {
        verifier.verify_dummy(&presented);
        return Err(AdminError::InvalidKey(UNKNOWN));
    };
    let now = plane.control.now();
    match verifier.verify(&presented, std::slice::from_ref(&token.hash), now) {
        Verified::Live => {}
        Verified::RotatedOut => return Err(AdminError::KeyInactive),
        Verified::Wrong => return Err(AdminError::InvalidKey(UNKNOWN)),
    }
    let ended = token.status != KeyStatus::Active || token.expires_at.is_some_and(|end| now >= end);
    if ended || !is_there(token.realm, &records) { Err(AdminError::KeyInactive) } else { Ok(admin(token)) }
}

/// Whether the part of the installation that a token is for is there and switched on.
fn is_there(realm: Realm, records: &Records) -> bool {
    let Some(tenant) = realm.tenant() else { return true };
    let levels = Ancestry::of(records).above(tenant, realm.team(), None);
    levels.is_some_and(|levels| levels.iter().all(|level| level.is_enabled()))
}

fn admin(token: &AdminToken) -> Principal {
    Principal::Admin { id: token.id, name: token.name.clone(), role: token.role, realm: token.realm }
}

fn bearer(headers: &HeaderMap) -> Result<&[u8], AdminError> {
    let mut sent = headers.get_all(AUTHORIZATION).iter();
    let value = sent.next().ok_or(AdminError::MissingCredential)?.as_bytes();
    if sent.next().is_some() {
        return Err(AdminError::InvalidKey("two credentials were sent"));
    }
    let (scheme, token) = value.split_at_checked("Bearer ".len()).unwrap_or((value, b""));
    if scheme.eq_ignore_ascii_case(b"Bearer ") { Ok(token) } else { Err(AdminError::MissingCredential) }
}

fn bad_form(error: TokenError) -> &'static str {
    match error {
        TokenError::Form => "it has not the form kw_adm_...",
        TokenError::Checksum => "a character is missing or wrong",
        TokenError::Whitespace => "there is a space or a line break in it",
    }
}

/// The vault's verifier, or the last one it handed out before it was locked.
fn verifier(plane: &Plane) -> Result<Arc<TokenVerifier>, AdminError> {
    let mut kept = plane.verifier.lock().unwrap_or_else(PoisonError::into_inner);
    if let Ok(fresh) = plane.control.vault().token_verifier() {
        *kept = Some(fresh);
    }
    kept.clone().ok_or(AdminError::VaultLocked)
}
