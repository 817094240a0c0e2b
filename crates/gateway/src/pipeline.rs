//! The life of a request, as a table of contents. Each line is a stage, each stage one file of that name in
//! [`stage`](crate::stage); what a stage yields can be made by that stage only, so a skipped check does not compile.

use std::rc::Rc;

use http::{Request, Response};
use hyper::body::Incoming;
use keyward_domain::denial::Denial;

use crate::body::Body;
use crate::idempotency;
use crate::lease;
use crate::refuse;
use crate::stage::{admit, arrive, attempt, authenticate, authorize, read, relay, route, show_models};
use crate::worker::Worker;

/// Answers one request. Never fails: a refusal is an answer too, in the caller's own dialect.
pub(crate) async fn handle(worker: Rc<Worker>, peer: std::net::IpAddr, request: Request<Incoming>) -> Response<Body> {
    let mut arrival = arrive::arrival(&worker, peer, &request);
    match serve(&worker, &mut arrival, request).await {
        Ok(response) => response,
        Err(denial) => refuse::response(&worker, &arrival, &denial),
    }
}

async fn serve(
    worker: &Rc<Worker>,
    arrival: &mut arrive::Arrival,
    request: Request<Incoming>,
) -> Result<Response<Body>, Denial> {
    let caller = authenticate::caller(worker, arrival, &request)?;
    if arrival.is_about_leases() {
        return lease::response(worker, arrival, caller, request).await;
    }
    let call = read::call(worker, arrival, caller, request).await?;
    let grant = authorize::grant(arrival, call)?;
    if grant.is_answered_here() {
        return show_models::response(arrival, &grant);
    }
    idempotency::claim(worker, arrival, &grant)?;
    let hold = admit::hold(worker, arrival, grant).await?;
    let plan = route::plan(worker, arrival, hold)?;
    let answer = attempt::answer(worker, arrival, plan).await?;
    Ok(relay::response(arrival, answer))
}
