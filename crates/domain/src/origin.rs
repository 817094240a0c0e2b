//! Destinations that a credential may be sent to. A credential is sealed for a list of origins and opens for no other.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How bytes travel to an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// TLS with a verified certificate.
    Https,
    /// Plain text; only for hosts on this machine or a private network that the operator named.
    Http,
    /// The built-in sandbox provider: nothing leaves the process.
    Sandbox,
}

impl Scheme {
    /// The text before `://`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
            Self::Sandbox => "sandbox",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
            Self::Sandbox => 0,
        }
    }
}

/// Scheme, host and port. The host is lower-case without a trailing dot; an IPv6 host has no brackets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// How bytes travel.
    pub scheme: Scheme,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// An origin and the path that every request to it starts with (`https://api.openai.com` and `/v1`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BaseUrl {
    /// Where to connect.
    pub origin: Origin,
    /// Path prefix without a trailing slash; empty for the root.
    pub prefix: String,
}

/// Why a text is not a usable base URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a usable base URL: {reason}")]
pub struct OriginError {
    /// What was given, cut to 64 characters.
    pub text: String,
    /// What is wrong with it and what to write instead.
    pub reason: &'static str,
}

impl Origin {
    /// `host` or `host:port`, as the `Host` header wants it.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == self.scheme.default_port() { host } else { format!("{host}:{}", self.port) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.authority())
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.prefix)
    }
}

impl FromStr for BaseUrl {
    type Err = OriginError;

    /// Accepts `https://host[:port][/prefix]`, and `http://` alike; refuses everything that could hide a destination:
    /// user info, query, fragment, backslashes, percent signs, odd host characters.
    fn from_str(text: &str) -> Result<Self, OriginError> {
        let refuse = |reason| OriginError { text: text.chars().take(64).collect(), reason };
        let (scheme, rest) = split_scheme(text).ok_or_else(|| refuse("start it with https:// or http://"))?;
        if rest.contains(['@', '?', '#', '\\', '%', ' ']) || !rest.is_ascii() {
            return Err(refuse("only host, port and path are allowed: no user, query, fragment, escape or space"));
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) =
            split_authority(authority, scheme).ok_or_else(|| refuse("the host or the port is not valid"))?;
        if path.split('/').any(|segment| segment == "." || segment == "..") {
            return Err(refuse("the path must not contain `.` or `..`"));
        }
        Ok(Self { origin: Origin { scheme, host, port }, prefix: path.trim_end_matches('/').to_owned() })
    }
}

fn split_scheme(text: &str) -> Option<(Scheme, &str)> {
    [Scheme::Https, Scheme::Http, Scheme::Sandbox].into_iter().find_map(|scheme| {
        let rest = text.strip_prefix(scheme.as_str())?.strip_prefix("://")?;
        Some((scheme, rest))
    })
}

fn split_authority(authority: &str, scheme: Scheme) -> Option<(String, u16)> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        host.parse::<std::net::Ipv6Addr>().ok()?;
        (host, after.strip_prefix(':').or_else(|| after.is_empty().then_some("")))
    } else {
        let (host, port) = authority.split_once(':').map_or((authority, ""), |(host, port)| (host, port));
        is_host_name(host).then_some((host, Some(port)))?
    };
    let port = match port? {
        "" => scheme.default_port(),
        digits => digits.parse().ok().filter(|port| *port != 0)?,
    };
    Some((host.to_ascii_lowercase(), port))
}

/// A DNS name of letters, digits, dots and hyphens, or a dotted-quad address. All-numeric and hexadecimal spellings of
/// addresses (`2130706433`, `0x7f.1`) are refused because resolvers disagree about them.
fn is_host_name(host: &str) -> bool {
    let plain = !host.is_empty()
        && host.len() <= 253
        && !host.ends_with('.')
        && host.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        });
    let last = host.rsplit('.').next().unwrap_or_default();
    let numeric = last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x") || last.starts_with("0X");
    plain && (!numeric || host.parse::<std::net::Ipv4Addr>().is_ok())
}

impl Serialize for BaseUrl {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BaseUrl {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
