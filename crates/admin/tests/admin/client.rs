//! The client's side: the same call in this process, over a socket file, and over TCP.

use std::sync::Arc;

use http::Method;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use keyward_admin::client::{Ask, Client, Door, DoorError};
use keyward_admin::rest::{Entry, Plane};
use keyward_domain::secret::Secret;
use serde_json::json;
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinSet;

use crate::world::{World, secret};

async fn serve_one<S>(plane: Arc<Plane>, entry: Entry, stream: S)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let service = TowerToHyperService::new(plane.router(entry));
    let served = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    served.unwrap();
}

async fn through(door: &Door) {
    let added = door
        .call(
            Ask::post(&["keys"])
                .body(json!({ "provider": "openai", "name": "primary" }))
                .secret(Secret::from(secret("good"))),
        )
        .await
        .unwrap();
    assert_eq!(added["state"], "active");
    let shown = door.call(Ask::get(&["keys", "openai/primary"])).await.unwrap();
    assert_eq!(shown["id"], added["id"]);
    let listed = door.call(Ask::get(&["keys"]).query("limit", Some(1)).query("cursor", None::<String>)).await.unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let csv = door.call(Ask::get(&["usage"]).query("format", Some("csv"))).await.unwrap();
    assert!(csv.as_str().unwrap().starts_with("attempts,"));
    let stale = door.call(Ask::new(Method::DELETE, "/keys/primary").if_match(Some(9))).await.unwrap_err();
    let DoorError::Refused { status, code, request_id, .. } = &stale else { panic!("{stale:?}") };
    assert_eq!((*status, code.as_str()), (412, "revision_mismatch"));
    assert!(request_id.as_deref().unwrap().starts_with("req_"));
    assert!(!stale.is_unreachable_or_forbidden());
    door.call(Ask::new(Method::DELETE, "/keys/primary").if_match(Some(1))).await.unwrap();
}

#[tokio::test]
async fn within_the_process() {
    let world = World::new();
    world.post("/providers", json!({ "preset": "openai" })).await.expect(201);
    through(&Door::local(&world.plane)).await;
}

#[tokio::test]
async fn over_the_admin_socket() {
    let world = World::new();
    world.post("/providers", json!({ "preset": "openai" })).await.expect(201);
    let socket = world.home.path().join("admin.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let plane = Arc::clone(&world.plane);
    let mut server = JoinSet::new();
    server.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            serve_one(Arc::clone(&plane), Entry::Local, stream).await;
        }
    });
    through(&Door::Remote(Client::unix(socket))).await;
}

#[tokio::test]
async fn over_tcp_with_a_token() {
    let world = World::new();
    world.post("/providers", json!({ "preset": "openai" })).await.expect(201);
    let token = world.admin_token("owner").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let plane = Arc::clone(&world.plane);
    let mut server = JoinSet::new();
    server.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            serve_one(Arc::clone(&plane), Entry::Tcp, stream).await;
        }
    });
    through(&Door::Remote(Client::url(&address, Secret::from(token)).unwrap())).await;
    let viewer = world.admin_token("viewer").await;
    let viewer = Door::Remote(Client::url(&address, Secret::from(viewer)).unwrap());
    let refused = viewer.call(Ask::post(&["vault", "lock"])).await.unwrap_err();
    assert!(refused.is_unreachable_or_forbidden(), "{refused:?}");
}

#[tokio::test]
async fn nobody_there_says_what_to_do() {
    let world = World::new();
    let door = Door::Remote(Client::unix(world.home.path().join("none.sock")));
    let error = door.call(Ask::get(&["status"])).await.unwrap_err();
    assert!(error.is_unreachable_or_forbidden() && error.to_string().contains("keyward serve"), "{error}");
    for address in ["https://keyward.example", "http://localhost/path", "ftp://x", "http://user@x"] {
        assert!(Client::url(address, Secret::from("x".to_owned())).is_err(), "{address}");
    }
}
