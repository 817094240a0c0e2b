//! Leases: a provider key handed out for a short time to a caller who speaks to the provider himself. Taking one is
//! choosing a key as for a call; what is reported back teaches the pool and is written to the ledger as a call is.
//!
//! Not on the path of a call: the store is asked, on a thread that may block. The record of a lease is its reservation;
//! it is durable before the key is handed out, and its end is durable before the report is acknowledged.

mod choose;
mod end;
mod held;
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
use keyward_domain::ledger::AttemptId;
use keyward_domain::port::{Ask, Store, StoreError};
use keyward_domain::time::Timestamp;
use keyward_domain::token::TokenId;
use keyward_pool::Claim;
use serde::Serialize;

use held::Held;

use crate::body::Body;
use crate::counting::Counting;
use crate::refuse::REQUEST_ID;
use crate::snapshot::{Deployment, Snapshot};
use crate::stage::arrive::Arrival;
use crate::stage::authenticate::Caller;
use crate::stage::authorize;
use crate::worker::Worker;

/// Leases that are open at once, at most.
const MAX_OPEN: usize = 10_000;

/// The leases that are open, shared by all event loops.
pub(crate) struct LeaseDesk {
    store: Arc<dyn Store>,
    open: Mutex<HashMap<RequestId, OnDesk, FixedState>>,
}

/// A lease on the desk.
enum OnDesk {
    /// Somebody has it.
    Open(Box<OpenLease>),
    /// Its end is being written: it ends once.
    Ending,
}

/// A lease that is open.
pub(crate) struct OpenLease {
    record: Lease,
    /// The key that it holds; `None` after a restart.
    claim: Option<Claim>,
    /// What it was taken for; `None` after a restart.
    target: Option<Arc<Deployment>>,
    /// What it holds of budgets and has taken of limits.
    held: Held,
}

impl LeaseDesk {
    /// The desk, with the leases that an earlier process left open: what they reserved is held anew. Blocks.
    pub(crate) fn open(store: Arc<dyn Store>, counting: &Counting, snapshot: &Snapshot) -> Result<Self, StoreError> {
        let mut open = HashMap::default();
        for record in store.open_leases()? {
            let held = Held::promised(&record, &*store, counting, snapshot)?;
            open.insert(record.id, OnDesk::Open(Box::new(OpenLease { record, claim: None, target: None, held })));
        }
        Ok(Self { open: Mutex::new(open), store })
    }

    /// Counts the leases of an earlier process in the limits on what is in flight, as far as these have room.
    pub(crate) async fn count(&self, worker: &Rc<Worker>) {
        let counters = &worker.shared.counting.counters;
        for (id, asks) in self.uncounted(&worker.snapshot()) {
            let Ok(taken) = counters.take(asks, id, worker.monotonic()).await else { continue };
            match self.leases().get_mut(&id.request) {
                Some(OnDesk::Open(lease)) if lease.held.is_uncounted => lease.held.count(taken),
                // It ended, or another event loop was faster.
                _ => counters.undo(taken, worker.monotonic()),
            }
        }
    }

    fn uncounted(&self, snapshot: &Snapshot) -> Vec<(AttemptId, Vec<Ask>)> {
        let leases = self.leases();
        let places = |on_desk: &OnDesk| match on_desk {
            OnDesk::Open(lease) if lease.held.is_uncounted => Some(held::places(&lease.record, snapshot)),
            OnDesk::Open(_) | OnDesk::Ending => None,
        };
        leases.values().filter_map(places).filter(|(_, asks)| !asks.is_empty()).collect()
    }

    /// Settles the leases whose time is over, one after the other. When one cannot be written, the others wait for the
    /// next time.
    pub(crate) async fn expire(&self, worker: &Rc<Worker>) {
        let now = worker.now();
        while let Some(lease) = self.take_expired(now) {
            if end::expired(worker, lease).await.is_err() {
                break;
            }
        }
    }

    fn take_expired(&self, now: Timestamp) -> Option<OpenLease> {
        let mut leases = self.leases();
        let is_over = |on_desk: &OnDesk| matches!(on_desk, OnDesk::Open(lease) if lease.record.expires_at <= now);
        let (_, on_desk) = leases.iter_mut().find(|(_, on_desk)| is_over(on_desk))?;
        match std::mem::replace(on_desk, OnDesk::Ending) {
            OnDesk::Open(lease) => Some(*lease),
            OnDesk::Ending => None,
        }
    }

    /// Takes a lease off the desk to end it, if this is its taker. Whoever takes it ends it ([`end::settle`]).
    fn take(&self, id: RequestId, taker: TokenId) -> Result<OpenLease, Denial> {
        let mut leases = self.leases();
        let on_desk = leases.get_mut(&id).ok_or(Denial::LeaseNotFound)?;
        match on_desk {
            OnDesk::Ending => return Err(Denial::LeaseEnded),
            OnDesk::Open(lease) if lease.record.virtual_key != taker => return Err(Denial::LeaseNotFound),
            OnDesk::Open(_) => {}
        }
        match std::mem::replace(on_desk, OnDesk::Ending) {
            OnDesk::Open(lease) => Ok(*lease),
            OnDesk::Ending => Err(Denial::LeaseEnded),
        }
    }

    fn put(&self, lease: OpenLease) {
        self.leases().insert(lease.record.id, OnDesk::Open(Box::new(lease)));
    }

    fn leases(&self) -> MutexGuard<'_, HashMap<RequestId, OnDesk, FixedState>> {
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
    if !authorize::may_do(caller.key(), Operation::Lease) {
        return Err(Denial::OperationNotAllowed(Operation::Lease.as_str()));
    }
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
