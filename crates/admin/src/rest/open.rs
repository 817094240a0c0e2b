//! The few paths outside the API: alive or not, metrics, and a page for people who type the address into a browser.

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;

use keyward_domain::principal::Realm;

use super::{Door, answer, authenticate, gate, page};
use crate::error::AdminError;

/// Every path outside `/api/v1`.
const PATHS: [&str; 3] = ["/", "/healthz", "/metrics"];

pub(super) fn add_to(router: Router<Door>) -> Router<Door> {
    let [root, alive, metrics] = PATHS;
    router.route(root, get(show_page)).route(alive, get(show_alive)).route(metrics, get(show_metrics))
}

async fn show_page() -> Response {
    page::page()
}

async fn show_alive() -> Response {
    answer::of(StatusCode::OK, "text/plain; charset=utf-8", b"ok\n".to_vec())
}

async fn show_metrics(State(door): State<Door>, request: Request) -> Response {
    if !door.plane.metrics_open {
        let allowed = match authenticate::principal(&door, request.headers(), gate::peer(&request)).await {
            // Metrics are about everybody.
            Ok(principal) if principal.realm() != Realm::Installation => Err(AdminError::BeyondRealm),
            known => known.map(|_| ()),
        };
        if let Err(error) = allowed {
            return door.refuse(&request, &error);
        }
    }
    let text = (door.plane.metrics)();
    answer::of(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text.into_bytes())
}
