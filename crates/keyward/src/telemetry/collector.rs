//! One export request and what its answer means.

use std::sync::Arc;
use std::time::Duration;

use keyward_domain::origin::{BaseUrl, Origin};
use keyward_domain::port::{Egress, EgressAnswer, EgressRequest};

use super::otlp;

/// For a whole export request; what OTLP exporters take everywhere.
pub(super) const EXPORT_DEADLINE: Duration = Duration::from_secs(10);
/// Where collectors take traces, below the endpoint.
const PATH: &str = "/v1/traces";

/// Where spans go.
pub(super) struct Collector {
    origin: Origin,
    path: String,
    egress: Arc<dyn Egress>,
}

/// What became of an export request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It arrived, but for what the collector left out.
    Taken(otlp::Rejected),
    /// It may be sent again, not before this wait when the collector named one.
    Later(Option<Duration>, String),
    /// It must not be sent again.
    Refused(String),
}

impl Collector {
    /// The collector behind this endpoint. An endpoint that names the path of traces itself is taken as it is.
    pub(super) fn at(endpoint: &BaseUrl, egress: Arc<dyn Egress>) -> Self {
        let prefix = endpoint.prefix.strip_suffix(PATH).unwrap_or(&endpoint.prefix);
        Self { origin: endpoint.origin.clone(), path: format!("{prefix}{PATH}"), egress }
    }

    /// Sends one request, once.
    pub(super) async fn send(&self, body: Vec<u8>) -> Verdict {
        let request = EgressRequest {
            origin: self.origin.clone(),
            method: "POST",
            path: self.path.clone(),
            headers: vec![("content-type", "application/json".to_owned())],
            credential: None,
            body,
            deadline: EXPORT_DEADLINE,
        };
        // The connector begins to count when the request's turn comes; here the wait for it counts too.
        match tokio::time::timeout(EXPORT_DEADLINE, self.egress.fetch(request)).await {
            Ok(Ok(answer)) => judge(&answer),
            Ok(Err(error)) => Verdict::Later(None, error.to_string()),
            Err(_) => Verdict::Later(None, format!("{} did not answer in time", self.origin.authority())),
        }
    }
}

/// The four statuses that may be retried are those of the OTLP specification.
fn judge(answer: &EgressAnswer) -> Verdict {
    let why = || format!("the collector answered with status {}", answer.status);
    match answer.status {
        200..=299 => Verdict::Taken(otlp::rejected(&answer.body)),
        429 | 502 | 503 | 504 => Verdict::Later(retry_after(answer), why()),
        _ => Verdict::Refused(why()),
    }
}

/// In seconds; a date, which hardly any collector sends, counts as none.
fn retry_after(answer: &EgressAnswer) -> Option<Duration> {
    let (_, seconds) = answer.headers.iter().find(|(name, _)| name == "retry-after")?;
    Some(Duration::from_secs(seconds.trim().parse().ok()?))
}

impl std::fmt::Display for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.origin, self.path)
    }
}
