//! The listener, and the door for callers within this process. One event loop accepts and hands each connection to the
//! loop with the fewest, because few clients with long-lived connections would leave a hash-based spread lopsided.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::metrics::Metrics;
use socket2::{Domain, Socket, Type};
use tokio::io::DuplexStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;
/// Pause after a failure that will not go away at once, such as running out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A connection that was let in.
pub(super) enum Guest {
    /// From this address.
    Tcp(TcpStream, IpAddr),
    /// From within this process.
    Local(DuplexStream),
}

/// Where one event loop's connections are handed in; bounded by the limit on connections.
pub(super) struct Door {
    sender: UnboundedSender<Guest>,
    seated: Arc<AtomicUsize>,
}

/// The doors of all event loops.
#[derive(Clone)]
pub(super) struct Doors {
    doors: Arc<[Door]>,
    max_connections: usize,
}

/// Where one event loop takes its connections from.
pub(super) struct Guests {
    pub(super) receiver: UnboundedReceiver<Guest>,
    pub(super) seated: Arc<AtomicUsize>,
}

impl Doors {
    /// These doors, for so many connections altogether.
    pub(super) fn new(doors: Vec<Door>, max_connections: usize) -> Self {
        Self { doors: doors.into(), max_connections }
    }

    /// Lets a guest in where there is most room. Gives whether there was any.
    pub(super) fn seat(&self, guest: Guest) -> bool {
        let seated: usize = self.doors.iter().map(|door| door.seated.load(Ordering::Relaxed)).sum();
        let emptiest = self.doors.iter().min_by_key(|door| door.seated.load(Ordering::Relaxed));
        let Some(door) = emptiest.filter(|_| seated < self.max_connections) else { return false };
        door.seated.fetch_add(1, Ordering::Relaxed);
        if door.sender.send(guest).is_err() {
            door.seated.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        true
    }
}

/// A door and its inside.
pub(super) fn door() -> (Door, Guests) {
    let (sender, receiver) = unbounded_channel();
    let seated = Arc::new(AtomicUsize::new(0));
    (Door { sender, seated: Arc::clone(&seated) }, Guests { receiver, seated })
}

/// The listening socket.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Accepts until dropped.
pub(super) async fn accept(listener: TcpListener, doors: Doors, metrics: Arc<Metrics>) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "the listener cannot be watched; no calls are taken"),
    };
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                if !seat(stream, peer.ip(), &doors) {
                    metrics.turned_away();
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Whether there was room.
fn seat(stream: tokio::net::TcpStream, peer: IpAddr, doors: &Doors) -> bool {
    // Small events must leave at once, not wait for an acknowledgement.
    let _ = stream.set_nodelay(true);
    stream.into_std().is_ok_and(|stream| doors.seat(Guest::Tcp(stream, peer)))
}
