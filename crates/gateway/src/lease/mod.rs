//! Leases: a provider key handed out for a short time to a caller who speaks to the provider himself. Taking one is
//! choosing a key as for a call; what is reported back teaches the pool and is written to the ledger as a call is.
//!
//! Not on the path of a call: the store is asked, on a thread that may block. The record of a lease is its reservation;
//! it is durable before the key is handed out, and its end is durable before the report is acknowledged.

mod end;
mod report;
mod take;
mod wire;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::FixedState;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use keyward_domain::denial::Denial;
use keyward_domain::dialect::Operation;
use keyward_domain::ids::RequestId;
use keyward_domain::lease::Lease;
use keyward_domain::port::{Store, StoreError};
use keyward_pool::Claim;
use serde::Serialize;

use crate::body::Body;
use crate::refuse::REQUEST_ID;
use crate::snapshot::Deployment;
use crate::stage::arrive::Arrival;
use crate::stage::authenticate::Caller;
use crate::worker::Worker;

/// Leases that are open at once, at most.
const MAX_OPEN: usize = 10_000;

/// The leases that are open, shared by all event loops.
pub(crate) struct LeaseDesk {
    store: Arc<dyn Store>,
    open: Mutex<HashMap<RequestId, OpenLease, FixedState>>,
}

/// A lease that is open.
pub(crate) struct OpenLease {
    record: Lease,
    /// The key that it holds; `None` after a restart.
    claim: Option<Claim>,
    /// What it was taken for; `None` after a restart, or when no model was named.
    target: Option<Arc<Deployment>>,
}

impl LeaseDesk {
    /// The desk, with the leases that an earlier process left open. Blocks.
    pub(crate) fn open(store: Arc<dyn Store>) -> Result<Self, StoreError> {
        let left = store.open_leases()?;
        let open = left.into_iter().map(|record| (record.id, OpenLease { record, claim: None, target: None }));
        Ok(Self { open: Mutex::new(open.collect()), store })
    }

    /// Settles the leases whose time is over. Done now and then, and before every call about leases.
    pub(crate) async fn expire(&self, worker: &Worker) {
        let now = worker.now();
        let over: Vec<_> = self.leases().extract_if(|_, lease| lease.record.expires_at <= now).collect();
        for (_, lease) in over {
            end::expired(worker, lease).await;
        }
    }

    fn leases(&self) -> MutexGuard<'_, HashMap<RequestId, OpenLease, FixedState>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers a call to take, report or return a lease.
pub(crate) async fn response(
    worker: &Rc<Worker>,
    arrival: &Arrival,
    caller: Caller,
    request: Request<Incoming>,
) -> Result<Response<Body>, Denial> {
    if !caller.key().record.grant.allows_operation(Operation::Lease) {
        return Err(Denial::OperationNotAllowed(Operation::Lease.as_str()));
    }
    worker.shared.leases.expire(worker).await;
    let method = request.method().clone();
    let id = arrival.surface.as_ref().ok().and_then(|surface| surface.path_model.clone());
    let Some(id) = id else { return take::lease(worker, arrival, &caller, request).await };
    let id: RequestId = id.parse().map_err(|_| Denial::LeaseNotFound)?;
    if method == Method::DELETE {
        return report::returned(worker, arrival, &caller, id).await;
    }
    report::lease(worker, arrival, &caller, id, request).await
}

/// An answer of our own making. It may hold a secret, so nobody is to keep it.
fn answer(arrival: &Arrival, status: StatusCode, body: &impl Serialize) -> Result<Response<Body>, Denial> {
    let body = serde_json::to_vec(body).map_err(|_| Denial::Internal)?;
    let mut response = Response::new(Body::from(bytes::Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&arrival.request.to_string()) {
        headers.insert(REQUEST_ID, id);
    }
    Ok(response)
}

/// Does something with the store on a thread that may block.
async fn with_store<T: Send + 'static>(
    worker: &Worker,
    ask: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Denial> {
    let store = Arc::clone(&worker.shared.leases.store);
    let asked = tokio::task::spawn_blocking(move || ask(&*store)).await;
    match asked {
        Ok(Ok(answered)) => Ok(answered),
        Ok(Err(StoreError::Conflict(_))) => Err(Denial::LeaseEnded),
        Ok(Err(error)) => {
            tracing::error!(%error, "the store could not keep a lease");
            Err(Denial::Overloaded("Leases cannot be kept right now."))
        }
        Err(_) => Err(Denial::Internal),
    }
}
