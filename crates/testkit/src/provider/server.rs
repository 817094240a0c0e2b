//! The listener and its thread.

use std::net::TcpListener;
use std::sync::Arc;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::call;
use super::state::Shared;
use super::wire::{Wire, WireControl};

/// Serves until `stop` resolves or its sender is gone; connections are dropped then, not drained.
pub(crate) fn run(listener: TcpListener, shared: &Arc<Shared>, stop: oneshot::Receiver<()>) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    runtime.block_on(async {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let mut connections = JoinSet::new();
        let mut stop = stop;
        loop {
            tokio::select! {
                _ = &mut stop => return Ok(()),
                accepted = listener.accept() => {
                    // A failed accept concerns one peer that is gone already.
                    if let Ok((stream, _)) = accepted {
                        connections.spawn(connection(Arc::clone(shared), stream));
                    }
                }
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
            }
        }
    })
}

async fn connection(shared: Arc<Shared>, stream: TcpStream) {
    // Without it small events wait for acknowledgements; an old kernel without the option only gets slower.
    let _ = stream.set_nodelay(true);
    let number = shared.write(|state| {
        state.connections_open += 1;
        state.connections_total += 1;
        state.connections_total
    });
    let control = Arc::new(WireControl::new(number));
    let wire = Wire::new(stream, Arc::clone(&control), Arc::clone(&shared));
    let service = service_fn(move |request| call::serve(Arc::clone(&shared), Arc::clone(&control), request));
    // Errors here are what the script or the peer did; both are in the log already.
    let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(wire), service).await;
}
