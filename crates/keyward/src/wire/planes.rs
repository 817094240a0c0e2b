//! The control plane's doors: TCP for holders of an admin token, a socket in the home for its owner, and, when it is
//! wanted elsewhere, `/metrics` on an address of its own.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get;
use axum::serve::Listener;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use keyward_admin::control::Control;
use keyward_admin::rest::{Entry, Plane};
use keyward_gateway::Metrics;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use super::engine::Engine;

/// Connections per door at one time; more wait.
const MAX_CONNECTIONS: usize = 256;
/// For a request's head to arrive.
const HEAD_READ: Duration = Duration::from_secs(10);
/// For answers under way when the server stops.
const CLOSE: Duration = Duration::from_secs(5);
/// Text of Prometheus' format.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The control plane, running.
pub struct ControlPlane {
    /// Where it listens on TCP.
    pub address: SocketAddr,
    control: Arc<Control>,
    stop: watch::Sender<bool>,
    doors: JoinSet<()>,
    socket: Option<PathBuf>,
}

impl ControlPlane {
    /// Opens every door.
    pub async fn open(engine: &Engine, metrics: &Arc<Metrics>) -> anyhow::Result<Self> {
        let listen = &engine.config.listen;
        let shown = Arc::clone(metrics);
        let render: Arc<dyn Fn() -> String + Send + Sync> = Arc::new(move || shown.render());
        let mut plane =
            Plane::new(Arc::clone(&engine.control), engine.config.listen.admin_hosts.clone(), Arc::clone(&render));
        if !listen.admin.ip().to_canonical().is_loopback() {
            plane = plane.with_guarded_metrics();
        }
        let plane = Arc::new(plane);
        let (stop, stopped) = watch::channel(false);
        let mut doors = JoinSet::new();

        let tcp = bind(listen.admin, "listen.admin").await?;
        let address = tcp.local_addr()?;
        doors.spawn(attend(tcp, plane.router(Entry::Tcp), Some, stopped.clone()));
        if let Some(elsewhere) = listen.metrics {
            let tcp = bind(elsewhere, "listen.metrics").await?;
            let show = get(move || async move { ([(http::header::CONTENT_TYPE, METRICS_TYPE)], render()) });
            doors.spawn(attend(tcp, Router::new().route("/metrics", show), Some, stopped.clone()));
        }
        let socket = match private_socket(engine.home.socket()) {
            Ok((unix, path)) => {
                doors.spawn(attend(unix, plane.router(Entry::Local), |_| None, stopped));
                Some(path)
            }
            Err(error) => {
                tracing::warn!(error = %format!("{error:#}"), "commands on this machine need --url and a token");
                None
            }
        };
        Ok(Self { address, control: Arc::clone(&engine.control), stop, doors, socket })
    }

    /// Closes every door, after the answers under way.
    pub async fn close(mut self) {
        self.control.end_feeds();
        // Doors that are gone already need not be told.
        let _ = self.stop.send(true);
        while self.doors.join_next().await.is_some() {}
        if let Some(socket) = self.socket {
            let _ = fs::remove_file(socket);
        }
    }
}

async fn bind(address: SocketAddr, field: &str) -> anyhow::Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    bound.with_context(|| {
        format!("cannot listen on {address}; is another server running there? Set `{field}` to another address")
    })
}

/// A socket that only the home's owner can use. Whoever has the home's lock owns the path, so what lies there is left
/// over.
fn private_socket(path: PathBuf) -> anyhow::Result<(UnixListener, PathBuf)> {
    match fs::remove_file(&path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot replace {}", path.display())),
    }
    let listener = UnixListener::bind(&path).with_context(|| format!("cannot make the socket {}", path.display()))?;
    fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    Ok((listener, path))
}

/// Answers one door until it is told to stop. `peer` says where on the network somebody is, if they come from there.
async fn attend<L: Listener>(
    mut listener: L,
    router: Router,
    peer: fn(L::Addr) -> Option<SocketAddr>,
    mut stop: watch::Receiver<bool>,
) {
    let mut guests = JoinSet::new();
    loop {
        let full = guests.len() >= MAX_CONNECTIONS;
        tokio::select! {
            (stream, address) = listener.accept(), if !full => {
                guests.spawn(converse(stream, router.clone(), peer(address), stop.clone()));
            }
            Some(_) = guests.join_next() => {}
            _ = stop.changed() => break,
        }
    }
    drop(listener);
    let all_gone = async { while guests.join_next().await.is_some() {} };
    if tokio::time::timeout(CLOSE, all_gone).await.is_err() {
        tracing::warn!("answers of the control plane were cut");
    }
}

async fn converse<S>(stream: S, router: Router, peer: Option<SocketAddr>, mut stop: watch::Receiver<bool>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_READ);
    let with_peer = router.map_request(move |mut request: Request<Incoming>| {
        if let Some(peer) = peer {
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        request
    });
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(with_peer));
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stop.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to the control plane ended badly");
    }
}
