//! The HTTP door. Everything under `/api/v1` comes from one table ([`routes`]); a request passes, in this order:
//! [`gate`] (is it for us, and from whom), the permission rule, [`input`] (bytes to a typed operation), the operation,
//! [`answer`] (result or refusal to a response).

mod answer;
mod authenticate;
mod cursor;
mod follow;
mod gate;
mod input;
mod open;
mod openapi;
mod page;
mod pages;
pub mod routes;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware;
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use keyward_domain::ids::RequestId;
use keyward_limit::rate::Guesses;
use keyward_vault::TokenVerifier;

use crate::control::Control;
use crate::error::AdminError;

pub use input::MAX_BODY;
pub use openapi::openapi;
use routes::Row;

/// What everything under the versioned API begins with.
pub const API: &str = "/api/v1";

/// The control plane as one thing that can be served.
pub struct Plane {
    control: Arc<Control>,
    hosts: Vec<String>,
    metrics: Arc<dyn Fn() -> String + Send + Sync>,
    metrics_open: bool,
    /// The last verifier that the vault handed out: it works on while the vault is locked, so that an owner can unlock
    /// it from elsewhere.
    verifier: Mutex<Option<Arc<TokenVerifier>>>,
    /// Who tries tokens that are not valid.
    guesses: Guesses,
}

/// Which door a request came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// A TCP socket: whoever it is has to show an admin token, and the `Host` header has to be one of ours. Requests carry
    /// where they come from, as axum's `ConnectInfo<SocketAddr>`; those that do not count as coming from one place.
    Tcp,
    /// The admin socket in the home, or a call within the process: only the owner of the home gets here.
    Local,
}

impl Plane {
    /// The control plane, answering to the loopback names and to `hosts`, with `metrics` as the text of `/metrics`.
    pub fn new(control: Arc<Control>, hosts: Vec<String>, metrics: Arc<dyn Fn() -> String + Send + Sync>) -> Self {
        let hosts = hosts.into_iter().map(|host| host.to_ascii_lowercase()).collect();
        Self { control, hosts, metrics, metrics_open: true, verifier: Mutex::new(None), guesses: Guesses::default() }
    }

    /// The same, with `/metrics` for holders of an admin token only. For listeners that others can reach.
    #[must_use]
    pub fn with_guarded_metrics(mut self) -> Self {
        self.metrics_open = false;
        self
    }

    /// The router for one door. Build one per door over the same plane.
    pub fn router(self: &Arc<Self>, entry: Entry) -> Router {
        let door = Door { plane: Arc::clone(self), entry };
        let mut router = Router::new();
        for row in routes::table() {
            let filter = MethodFilter::try_from(row.method.clone()).unwrap_or(MethodFilter::GET);
            let handler = move |State(door): State<Door>, request: Request| answer_row(door, row, request);
            router = router.route(&format!("{API}{}", row.path), on(filter, handler));
        }
        open::add_to(router)
            .fallback(|State(door): State<Door>, request: Request| async move {
                door.refuse(&request, &AdminError::RouteNotFound)
            })
            .method_not_allowed_fallback(|State(door): State<Door>, request: Request| async move {
                door.refuse(&request, &AdminError::MethodNotAllowed)
            })
            .layer(middleware::from_fn_with_state(door.clone(), gate::pass))
            .with_state(door)
    }
}

impl std::fmt::Debug for Plane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plane").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

/// The plane as one door sees it.
#[derive(Clone)]
struct Door {
    plane: Arc<Plane>,
    entry: Entry,
}

impl Door {
    fn refuse(&self, request: &Request, error: &AdminError) -> Response {
        answer::refusal(error, gate::request_id(request, &self.plane.control))
    }
}

async fn answer_row(door: Door, row: &'static Row, request: Request) -> Response {
    let id: RequestId = gate::request_id(&request, &door.plane.control);
    let headers = request.headers().clone();
    match run_row(&door, row, request).await {
        Ok(reply) => {
            let plane = Arc::clone(&door.plane);
            let follower = |feed| follow::body(door.clone(), row, headers, feed);
            answer::reply(reply, row.status, follower, |text| pages::body(plane, text))
        }
        Err(error) => answer::refusal(&error, id),
    }
}

async fn run_row(door: &Door, row: &'static Row, request: Request) -> Result<routes::Reply, AdminError> {
    let principal = authenticate::principal(door, request.headers(), gate::peer(&request)).await?;
    row.permit(&principal)?;
    let input = input::collect(row, principal.realm(), request).await?;
    row.run(&door.plane.control, &principal, &input).await
}
