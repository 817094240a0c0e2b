//! Where the server is and how it is talked to.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use keyward_domain::secret::Secret;

/// How long a new connection may take.
pub const CONNECT: Duration = Duration::from_millis(100);

/// How long an answer may take. A server that is slower is as good as none.
pub const OPERATION: Duration = Duration::from_millis(20);

/// When the server is well again, nodes come back within this time, each at a moment of its own.
pub const RE_ENTRY: Duration = Duration::from_secs(5);

/// What every key begins with.
pub const PREFIX: &str = "kw:";

/// Where the server is and how it is talked to.
#[derive(Debug)]
pub struct Options {
    /// Where it is.
    pub address: Address,
    /// Whether the connection is encrypted; the server's certificate is always verified.
    pub tls: bool,
    /// The certificates of authorities trusted besides the public ones, in DER.
    pub extra_roots: Vec<Vec<u8>>,
    /// The name to sign in with; the server's default user without it.
    pub user: Option<String>,
    /// The password to sign in with.
    pub password: Option<Secret>,
    /// Which of the server's databases; 0 when nobody says.
    pub database: u32,
    /// How many nodes share the limits, this one included; at least 1.
    pub nodes: u32,
    /// How long an answer may take.
    pub operation: Duration,
    /// Within which time nodes come back when the server is well again.
    pub re_entry: Duration,
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// A host, or an address without brackets, and a port.
    Tcp(String, u16),
    /// A socket of this machine.
    Unix(PathBuf),
}

/// The URL is not one of a counter store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// It begins with something else.
    #[error("write redis://host:port, rediss://host:port for TLS, or unix:///path/to/socket")]
    Scheme,
    /// No host.
    #[error("the host is missing: write redis://host:port")]
    Host,
    /// The port is no port.
    #[error("the port is not a number from 1 to 65535")]
    Port,
    /// The database is no number.
    #[error("the database behind the last slash is not a number")]
    Database,
}

impl Options {
    /// The options that a URL gives: `redis://user:password@host:6379/0`, `rediss://` for TLS, `unix:///path`.
    /// `%` and two hexadecimal digits stand for one byte of user and password.
    pub fn from_url(url: &str) -> Result<Self, BadUrl> {
        if let Some(path) = url.strip_prefix("unix://") {
            return Ok(Self::new(Address::Unix(path.into())));
        }
        let plain = url.strip_prefix("redis://").map(|rest| (false, rest));
        let (tls, rest) =
            plain.or_else(|| url.strip_prefix("rediss://").map(|rest| (true, rest))).ok_or(BadUrl::Scheme)?;
        let (login, rest) = rest.rsplit_once('@').map_or((None, rest), |(login, rest)| (Some(login), rest));
        let (place, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, password) = login.map_or(("", None), |login| {
            login.split_once(':').map_or((login, None), |(user, password)| (user, Some(password)))
        });
        Ok(Self {
            tls,
            user: (!user.is_empty()).then(|| String::from_utf8_lossy(&unescaped(user)).into_owned()),
            password: password.map(|password| Secret::new(unescaped(password))),
            database: if database.is_empty() { 0 } else { database.parse().map_err(|_| BadUrl::Database)? },
            ..Self::new(tcp(place)?)
        })
    }

    /// A plain connection to this address, for one node.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            tls: false,
            extra_roots: Vec::new(),
            user: None,
            password: None,
            database: 0,
            nodes: 1,
            operation: OPERATION,
            re_entry: RE_ENTRY,
        }
    }
}

impl Address {
    /// `host:port`, as servers name each other.
    pub(super) fn parse(text: &str) -> Option<Self> {
        tcp(text).ok()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// `host`, `host:port` or `[address]:port`.
fn tcp(place: &str) -> Result<Address, BadUrl> {
    const PORT: u16 = 6379;
    let (host, port) = match place.strip_prefix('[').and_then(|place| place.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':')),
        None => place.rsplit_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Ok(PORT), |port| port.parse().map_err(|_| BadUrl::Port))?;
    match (host.is_empty(), port) {
        (true, _) => Err(BadUrl::Host),
        (_, 0) => Err(BadUrl::Port),
        (false, port) => Ok(Address::Tcp(host.to_owned(), port)),
    }
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = (first == b'%').then(|| after.get(..2)).flatten();
        let byte = escaped.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    bytes
}
