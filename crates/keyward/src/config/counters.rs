//! `counters:` of the config: where limits are counted.

use std::collections::BTreeMap;

use keyward_domain::secret::Secret;
use keyward_source::Reference;

use super::node::Place;
use super::section::{Field, Names, Section};

/// Where limits are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counters {
    /// In this process.
    InProcess,
    /// In a Redis or Valkey that several nodes share.
    Shared {
        /// Where it is.
        url: CountersUrl,
        /// How many nodes share it: while it cannot be asked, each goes on with its part of each limit.
        nodes: u32,
    },
}

/// Where shared counters are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CountersUrl {
    /// There; it holds no password.
    Written(String),
    /// The URL is kept there, with its password.
    Kept(Reference),
}

/// What has to be known about a URL of counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountersUrlParts {
    /// Whether somebody who reads the URL reads a password.
    pub has_password: bool,
}

impl CountersUrl {
    /// The URL itself. A secret, because it may hold a password; one that is kept elsewhere has not been looked at. The
    /// sentence says what is wrong, without repeating it.
    pub fn fetch(&self, environment: &BTreeMap<String, String>) -> Result<Secret, String> {
        match self {
            Self::Written(url) => Ok(Secret::new(url.as_bytes().to_vec())),
            Self::Kept(reference) => reference.fetch(environment).map_err(|error| format!("`counters.url`: {error}")),
        }
    }

    /// What has to be known about a URL: `redis://` or `rediss://`, perhaps user and password, a host, perhaps a port and
    /// the number of a database; or `unix://` and the path of a socket. `None` when it is not like that.
    pub fn check(text: &str) -> Option<CountersUrlParts> {
        if let Some(path) = text.strip_prefix("unix://") {
            let is_path = path.starts_with('/') && !path.contains(char::is_whitespace);
            return is_path.then_some(CountersUrlParts { has_password: false });
        }
        let rest = text.strip_prefix("redis://").or_else(|| text.strip_prefix("rediss://"))?;
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, place) = authority.rsplit_once('@').map_or((None, authority), |(user, place)| (Some(user), place));
        let (host, port) = match place.strip_prefix('[') {
            Some(rest) => rest.split_once(']').map(|(host, port)| (host, port.strip_prefix(':').unwrap_or(port)))?,
            None => place.split_once(':').unwrap_or((place, "6379")),
        };
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
        let is_plain =
            !host.is_empty() && host.bytes().all(is_host) && !text.bytes().any(|byte| byte.is_ascii_whitespace());
        let port_fits = port.is_empty() || port.parse::<u16>().is_ok_and(|port| port > 0);
        let database_fits = database.is_empty() || database.parse::<u16>().is_ok();
        let has_password = user.is_some_and(|user| user.contains(':'));
        (is_plain && port_fits && database_fits).then_some(CountersUrlParts { has_password })
    }
}

pub(super) const COUNTERS: Names = Names { known: &["url", "nodes"], later: &[] };

/// More nodes do not share counters.
const MAX_NODES: u64 = 1024;

const WRONG: &str = "takes `memory`, the URL of a Redis or Valkey such as `redis://localhost:6379/0` or \
                     `rediss://counters.example:6379`, or where it is kept, such as `${env:COUNTERS_URL}`";

/// Where limits are counted.
pub fn read(section: &Section<'_>) -> Counters {
    let nodes = section.field("nodes");
    let count = nodes.as_ref().and_then(|field| field.number(1..=MAX_NODES)).unwrap_or(1);
    let Some(url) = section.field("url").and_then(|field| url(&field)) else {
        if let Some(nodes) = nodes.filter(|_| count > 1) {
            nodes.wrong("has a meaning only for shared counters: give `counters.url` as well, or remove it");
        }
        return Counters::InProcess;
    };
    Counters::Shared { url, nodes: u32::try_from(count).unwrap_or(1) }
}

/// `None` for counters in this process, and for what is wrong. The text is never repeated: it may hold a password.
fn url(field: &Field<'_>) -> Option<CountersUrl> {
    let text = field.text()?;
    if text == "memory" {
        return None;
    }
    if let Ok(reference) = text.parse::<Reference>() {
        return Some(CountersUrl::Kept(reference));
    }
    let Some(parts) = CountersUrl::check(text) else {
        field.wrong(WRONG);
        return None;
    };
    match &field.node.place {
        // A variable is where secrets may be: it is read again when it is needed.
        Place::Variable(name) => Some(CountersUrl::Kept(Reference::Environment(name.to_string()))),
        Place::File { .. } if parts.has_password => {
            field.wrong(
                "holds a password: keep the URL in a variable or a file and write `${env:NAME}` or `${file:PATH}`",
            );
            None
        }
        Place::File { .. } => Some(CountersUrl::Written(text.to_owned())),
    }
}
