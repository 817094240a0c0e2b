//! How a credential travels to its provider: one header, never two (Gemini answers 400 to two).

use bytes::{BufMut, BytesMut};
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use keyward_domain::dialect::Dialect;
use keyward_domain::provider::ProviderKind;
use keyward_domain::secret::Secret;

/// The longest credential that is sent, in bytes. OpenAI's header budget is 64 KiB in all; real keys stay below 300.
pub const MAX_SECRET: usize = 8 * 1024;

/// Why a secret cannot be a provider key. Nothing of it is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSecret {
    /// There is nothing.
    #[error("the key is empty")]
    Empty,
    /// Longer than [`MAX_SECRET`].
    #[error("the key is longer than {MAX_SECRET} bytes: a whole file was probably pasted")]
    TooLong,
    /// Spaces, line breaks, control characters or letters outside ASCII: a copy that took something along.
    #[error("the key contains a space, a line break or another character that no key has")]
    Characters,
}

/// How a provider takes its credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `authorization: Bearer <key>`.
    Bearer,
    /// The key alone, in a header of this name.
    Plain(&'static str),
}

/// How this kind of provider takes its credential on this dialect's surface; `None` for the sandbox, which has no door.
pub const fn scheme(kind: ProviderKind, dialect: Dialect) -> Option<Scheme> {
    match (kind, dialect) {
        (ProviderKind::Sandbox, _) => None,
        (ProviderKind::Anthropic, _) | (ProviderKind::OpenAiCompatible, Dialect::Anthropic) => {
            Some(Scheme::Plain("x-api-key"))
        }
        (ProviderKind::OpenAi, _) | (ProviderKind::Gemini | ProviderKind::OpenAiCompatible, Dialect::OpenAi) => {
            Some(Scheme::Bearer)
        }
        (ProviderKind::Gemini, _) | (ProviderKind::OpenAiCompatible, Dialect::Gemini) => {
            Some(Scheme::Plain("x-goog-api-key"))
        }
    }
}

/// The header that carries the credential: its name and whole value, marked sensitive. `None` when none is needed:
/// the sandbox, or an OpenAI-compatible server whose key is empty.
pub fn credential_header(
    kind: ProviderKind,
    dialect: Dialect,
    secret: &Secret,
) -> Result<Option<(HeaderName, HeaderValue)>, BadSecret> {
    let Some(scheme) = scheme(kind, dialect) else { return Ok(None) };
    if secret.is_empty() && kind == ProviderKind::OpenAiCompatible {
        return Ok(None);
    }
    check(secret)?;
    let (name, prefix) = match scheme {
        Scheme::Bearer => (AUTHORIZATION, "Bearer "),
        Scheme::Plain(name) => (HeaderName::from_static(name), ""),
    };
    let mut value = BytesMut::with_capacity(prefix.len() + secret.len());
    value.put_slice(prefix.as_bytes());
    value.put_slice(secret.expose());
    let mut value = HeaderValue::from_maybe_shared(value.freeze()).map_err(|_| BadSecret::Characters)?;
    value.set_sensitive(true);
    Ok(Some((name, value)))
}

/// Whether a secret could be a key at all: not empty, not longer than [`MAX_SECRET`], visible ASCII only. Prefixes and
/// lengths of real keys change without notice, so nothing more is asked.
pub fn check(secret: &Secret) -> Result<(), BadSecret> {
    if secret.is_empty() {
        return Err(BadSecret::Empty);
    }
    if secret.len() > MAX_SECRET {
        return Err(BadSecret::TooLong);
    }
    if secret.expose().iter().all(u8::is_ascii_graphic) { Ok(()) } else { Err(BadSecret::Characters) }
}
