//! Every way in which the control plane says no. Each refusal has a stable code, an HTTP status, and a sentence that
//! says what to do; none carries a secret.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use keyward_domain::port::{EntropyError, StoreError};
use keyward_domain::principal::Role;

/// A refusal of the control plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdminError {
    /// No credential was sent.
    MissingCredential,
    /// What was sent is not an admin token; the text says what is wrong with its form.
    InvalidKey(&'static str),
    /// Too many tokens from this address were not valid; after so long, one more is looked at.
    TooManyGuesses(Duration),
    /// The admin token is known but expired or revoked.
    KeyInactive,
    /// A token for the data plane was sent to the control plane.
    WrongKeyEnvironment,
    /// The principal's role is too low; this one would do.
    NeedsRole(Role),
    /// It works on more than the part of the installation that the principal is confined to.
    BeyondRealm,
    /// A field that is not known here: a sentence, and its name when that is no secret.
    UnknownField(String, Option<String>),
    /// It would be wider than what it belongs to: the field, and a sentence.
    ExceedsGrantor(&'static str, String),
    /// The `Host` header names neither this machine nor a configured name.
    HostNotAllowed,
    /// A browser sent this on behalf of another site.
    CrossSite,
    /// No such path.
    RouteNotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// The body is larger than this many bytes.
    BodyTooLarge(usize),
    /// The body is not declared as JSON.
    UnsupportedMediaType,
    /// The input is malformed: what to change, and the field to blame.
    Invalid(Cow<'static, str>, Option<Cow<'static, str>>),
    /// A cursor that no page gave.
    BadCursor,
    /// There is no such object: its kind and how it was called, cut to a safe length.
    NotFound(&'static str, String),
    /// Several objects go by this name: the kind, and how to say which.
    Ambiguous(&'static str, String),
    /// The name is taken, or the object exists: a sentence.
    AlreadyExists(String),
    /// The same secret is already kept under this name.
    DuplicateKey(String),
    /// Somebody else changed it first.
    Conflict(String),
    /// `If-Match` names a revision that is not the current one.
    RevisionMismatch(u64),
    /// Something still depends on it: a sentence.
    InUse(String),
    /// The object's state does not allow this: a sentence.
    WrongState(String),
    /// The secret cannot be a key of this provider: a sentence.
    KeyMalformed(String),
    /// The secret was sealed for another destination and has to be entered again.
    KeyVoid(String),
    /// The base URL leads where no provider can be: a sentence.
    DestinationForbidden(&'static str),
    /// The vault is locked.
    VaultLocked,
    /// The vault would not open with this.
    UnlockRefused,
    /// A sealed record did not open: damaged, or moved from where it was sealed.
    Integrity(String),
    /// The installation has not been set up.
    NotInitialised,
    /// The store failed; the log has the details.
    StoreFailed,
    /// It is in effect, but not kept.
    NotKept,
    /// As many follow what happens as may: this many.
    TooManyFollowers(usize),
    /// The operating system gave no random bytes.
    NoEntropy,
    /// A fault of ours; the log has the details.
    Internal,
}

/// Names that are echoed in messages are cut to this many characters.
const MAX_ECHO: usize = 64;

impl AdminError {
    /// Malformed input, without one field to blame.
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid(message.into(), None)
    }

    /// Malformed input, with the field to blame.
    pub fn invalid_field(field: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid(message.into(), Some(field.into()))
    }

    /// There is no such object. What it was called is echoed only when it cannot be a secret pasted by mistake.
    pub fn not_found(kind: &'static str, called: &str) -> Self {
        let safe = called.len() <= MAX_ECHO && !crate::field::looks_secret(called);
        Self::NotFound(kind, if safe { called.to_owned() } else { "(not shown)".to_owned() })
    }

    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MissingCredential => "missing_credential",
            Self::InvalidKey(_) => "invalid_key",
            Self::TooManyGuesses(_) => "rate_limited",
            Self::KeyInactive => "key_inactive",
            Self::WrongKeyEnvironment => "wrong_key_environment",
            Self::NeedsRole(_) | Self::BeyondRealm => "operation_not_allowed",
            Self::UnknownField(..) => "unknown_field",
            Self::ExceedsGrantor(..) => "exceeds_grantor",
            Self::HostNotAllowed => "host_not_allowed",
            Self::CrossSite => "cross_site",
            Self::RouteNotFound => "route_not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::BodyTooLarge(_) => "body_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::Invalid(..) => "invalid_request",
            Self::BadCursor => "bad_cursor",
            Self::NotFound(..) => "not_found",
            Self::Ambiguous(..) => "ambiguous_name",
            Self::AlreadyExists(_) => "already_exists",
            Self::DuplicateKey(_) => "duplicate_key",
            Self::Conflict(_) => "conflict",
            Self::RevisionMismatch(_) => "revision_mismatch",
            Self::InUse(_) => "in_use",
            Self::WrongState(_) => "wrong_state",
            Self::KeyMalformed(_) => "key_malformed",
            Self::KeyVoid(_) => "key_void",
            Self::DestinationForbidden(_) => "destination_forbidden",
            Self::VaultLocked => "vault_locked",
            Self::UnlockRefused => "unlock_refused",
            Self::Integrity(_) => "integrity_error",
            Self::NotInitialised => "not_initialised",
            Self::StoreFailed => "store_failed",
            Self::NotKept => "not_kept",
            Self::TooManyFollowers(_) => "too_many_followers",
            Self::NoEntropy => "no_entropy",
            Self::Internal => "internal",
        }
    }

    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        match self {
            Self::MissingCredential | Self::InvalidKey(_) | Self::KeyInactive => 401,
            Self::WrongKeyEnvironment
            | Self::NeedsRole(_)
            | Self::BeyondRealm
            | Self::ExceedsGrantor(..)
            | Self::CrossSite
            | Self::UnlockRefused => 403,
            Self::HostNotAllowed => 421,
            Self::RouteNotFound | Self::NotFound(..) => 404,
            Self::MethodNotAllowed => 405,
            Self::BodyTooLarge(_) => 413,
            Self::UnsupportedMediaType => 415,
            Self::Invalid(..) | Self::UnknownField(..) | Self::BadCursor | Self::DestinationForbidden(_) => 400,
            Self::Ambiguous(..)
            | Self::AlreadyExists(_)
            | Self::DuplicateKey(_)
            | Self::Conflict(_)
            | Self::InUse(_)
            | Self::WrongState(_)
            | Self::KeyVoid(_)
            | Self::NotInitialised => 409,
            Self::RevisionMismatch(_) => 412,
            Self::KeyMalformed(_) => 422,
            Self::TooManyGuesses(_) => 429,
            Self::VaultLocked | Self::StoreFailed | Self::NotKept | Self::TooManyFollowers(_) | Self::NoEntropy => 503,
            Self::Integrity(_) | Self::Internal => 500,
        }
    }

    /// When it is worth another try, when that is known.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyGuesses(after) => Some(*after),
            _ => None,
        }
    }

    /// The field to blame, when there is one.
    pub fn param(&self) -> Option<&str> {
        match self {
            Self::Invalid(_, param) => param.as_deref(),
            Self::UnknownField(_, param) => param.as_deref(),
            Self::ExceedsGrantor(field, _) => Some(field),
            Self::KeyMalformed(_) | Self::DuplicateKey(_) => Some("secret"),
            Self::DestinationForbidden(_) => Some("base_url"),
            Self::BadCursor => Some("cursor"),
            _ => None,
        }
    }

    /// What is wrong and what to do about it.
    pub fn message(&self) -> String {
        match self {
            Self::MissingCredential => "No admin token was sent. Send it as `Authorization: Bearer kw_adm_...`, or use the command line on the server's machine.".to_owned(),
            Self::InvalidKey(why) => format!("This is not a valid admin token: {why}. Check that the whole token was copied, or ask an owner for a new one."),
            Self::TooManyGuesses(after) => format!("Too many admin tokens from your address were not valid. Check the token: a valid one works at once. Others are looked at again in {} s.", whole_seconds(*after)),
            Self::KeyInactive => "This admin token is no longer in use (expired or revoked). Ask an owner for a new one.".to_owned(),
            Self::WrongKeyEnvironment => "This is a virtual key, which is for the data plane. The control plane wants an admin token (`kw_adm_...`).".to_owned(),
            Self::NeedsRole(role) => format!("This needs the role `{}`. Ask an owner to do it, or for a token with that role.", role_word(*role)),
            Self::BeyondRealm => "This is for those who administer the whole installation; this token is for one tenant or team only. Ask one of them.".to_owned(),
            Self::HostNotAllowed => "The control plane does not answer to this host name. Use localhost or the address itself, or add the name to `listen.admin_hosts`.".to_owned(),
            Self::CrossSite => "A browser sent this on behalf of another web site, which is never allowed. Call the API from your own program, or open the dashboard directly.".to_owned(),
            Self::RouteNotFound => "There is no such endpoint. `GET /api/v1/openapi.json` lists them all.".to_owned(),
            Self::MethodNotAllowed => "This endpoint exists, but not with this HTTP method. The `Allow` header lists the ones it has.".to_owned(),
            Self::BodyTooLarge(limit) => format!("The request body is larger than the limit of {limit} bytes. Send less."),
            Self::UnsupportedMediaType => "Send the body as JSON, with `Content-Type: application/json`.".to_owned(),
            Self::Invalid(message, _) => message.clone().into_owned(),
            Self::BadCursor => "This cursor was not given by a page of this list. Begin without one.".to_owned(),
            Self::NotFound(kind, called) => format!("There is no {kind} `{called}`. {}", listed_by(kind)),
            Self::Ambiguous(kind, how) => format!("Several {kind}s go by this name: {how}."),
            Self::DuplicateKey(held) => format!("This very key is already kept as `{held}`. Use that one, or remove it first."),
            Self::Conflict(what) => format!("{what} was changed or removed in the meantime. Read it again and repeat the change."),
            Self::RevisionMismatch(current) => format!("The object is at revision {current} now. Read it again and repeat the change."),
            Self::AlreadyExists(message)
            | Self::InUse(message)
            | Self::WrongState(message)
            | Self::KeyMalformed(message)
            | Self::ExceedsGrantor(_, message)
            | Self::UnknownField(message, _) => message.clone(),
            Self::KeyVoid(name) => format!("The key `{name}` was sealed for another base URL and is never sent to a new one. Enter it again with `keyward key replace {name}`."),
            Self::DestinationForbidden(why) => format!("This base URL is not allowed: {why}."),
            Self::VaultLocked => "The vault is locked. Run `keyward unlock` on the server's machine first.".to_owned(),
            Self::UnlockRefused => "The vault does not open with this. Check the passphrase, or the root key file, and try again.".to_owned(),
            Self::Integrity(what) => format!("The sealed secret of `{what}` does not open: the record was damaged or moved. Enter the key again, or restore a backup."),
            Self::NotInitialised => "This installation has not been set up. Run `keyward init` first.".to_owned(),
            Self::StoreFailed => "The store could not be read or written; nothing was changed. The server's log has the details under this request id.".to_owned(),
            Self::NotKept => "The change is in effect, but the store could not keep it yet: a restart may undo it. Check the disk of the home, then repeat the change.".to_owned(),
            Self::TooManyFollowers(most) => format!("{most} readers follow what happens already. Close one of them first."),
            Self::NoEntropy => "The operating system gave no random bytes; nothing was changed. Try again, and check the machine if it persists.".to_owned(),
            Self::Internal => "Keyward failed to handle this request. The server's log has the details under this request id.".to_owned(),
        }
    }
}

/// How to see what there is.
fn listed_by(kind: &str) -> String {
    let command = match kind {
        "provider" | "team" | "tenant" | "user" | "budget" | "limit" | "model" => kind,
        "provider key" => "key",
        "virtual key" => "vkey",
        "admin token" => "admin-token",
        "alias" => "model alias",
        "price set for" => "model",
        "request" => "requests",
        _ => return "List what there is first.".to_owned(),
    };
    format!("`keyward {command} list` shows what there is.")
}

/// Rounded up, so that whoever waits so long has waited long enough.
pub(crate) const fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(if duration.subsec_nanos() > 0 { 1 } else { 0 })
}

/// The word for a role in messages and inputs.
pub const fn role_word(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Operator => "operator",
        Role::Owner => "owner",
    }
}

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl std::error::Error for AdminError {}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(what) => Self::Conflict(what),
            StoreError::Duplicate(what) => Self::AlreadyExists(format!("{what} already exists. Choose another name.")),
            StoreError::InUse(what) => Self::InUse(format!("{what} is still in use. Remove what depends on it first.")),
            StoreError::FileOwned(what) => Self::WrongState(format!(
                "`{what}` belongs to the config file. Change it there; a running server takes it over by itself."
            )),
            StoreError::Held(_) | StoreError::Failed(_) | StoreError::Damaged(_) => {
                tracing::error!(%error, "the store did not do what the control plane asked");
                Self::StoreFailed
            }
        }
    }
}

impl From<EntropyError> for AdminError {
    fn from(_: EntropyError) -> Self {
        Self::NoEntropy
    }
}
