//! Stage 0: a request has a number, a moment and a dialect before anything else is known about it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use keyward_domain::denial::Denial;
use keyward_domain::dialect::{Dialect, Operation};
use keyward_domain::ids::{RequestId, TenantId};
use keyward_domain::ledger::TraceContext;
use keyward_domain::time::Timestamp;
use keyward_domain::token::TokenId;

use crate::idempotency::Turn;
use crate::surface::{Surface, dialect_of_unknown};
use crate::worker::Worker;

/// What is known about a request so far; refusals, headers and logs are written from it.
pub(crate) struct Arrival {
    pub(crate) request: RequestId,
    pub(crate) at: Timestamp,
    pub(crate) began: Duration,
    pub(crate) peer: IpAddr,
    pub(crate) dialect: Dialect,
    /// What the head asks for, or why nothing.
    pub(crate) surface: Result<Surface, Denial>,
    /// Who asks, once authenticated.
    pub(crate) caller: Option<(TenantId, TokenId)>,
    /// The model as the client named it, once read.
    pub(crate) model: Option<Arc<str>>,
    /// The caller's trace, when traces are exported.
    pub(crate) trace: Option<TraceContext>,
    /// The call's own `Idempotency-Key`, when it has one.
    pub(crate) turn: Option<Turn>,
}

/// Notes the arrival. Without entropy the id is made of the time alone; nothing secret hangs on it.
pub(crate) fn arrival(worker: &Worker, peer: IpAddr, request: &Request<Incoming>) -> Arrival {
    let at = worker.now();
    let path = request.uri().path();
    let surface = Surface::find(request.method(), path, request.headers());
    let dialect = match &surface {
        Ok(surface) => surface.dialect,
        Err(_) => dialect_of_unknown(path, request.headers()),
    };
    Arrival {
        request: worker.mint_request(at).unwrap_or_else(|_| RequestId::from_parts(at, [0; 10])),
        at,
        began: worker.monotonic(),
        peer,
        dialect,
        surface,
        caller: None,
        model: None,
        trace: worker.shared.options.traced.then(|| trace(request)).flatten(),
        turn: None,
    }
}

fn trace(request: &Request<Incoming>) -> Option<TraceContext> {
    TraceContext::parse(request.headers().get("traceparent")?.to_str().ok()?)
}

impl Arrival {
    /// Whether it asks for a provider key itself, or says how that went.
    pub(crate) fn is_about_leases(&self) -> bool {
        self.operation() == Some(Operation::Lease)
    }

    /// The operation, when the head names one.
    pub(crate) fn operation(&self) -> Option<Operation> {
        self.surface.as_ref().ok().map(|surface| surface.operation)
    }
}
