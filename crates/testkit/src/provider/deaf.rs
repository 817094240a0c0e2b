//! An address at which nobody ever finishes the handshake.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// How long a connection on loopback may take before the queue counts as full.
const FULL_AFTER: Duration = Duration::from_millis(100);

/// More waiting connections than any kernel grants a queue of length zero.
const MAX_WAITING: usize = 16;

/// A listener whose queue is full and never emptied: whoever connects waits until their own deadline, as with a host
/// behind a firewall that drops packets. Relies on Linux leaving out the answer when the queue is full.
#[derive(Debug)]
pub struct DeafListener {
    address: SocketAddr,
    _listener: Socket,
    _waiting: Vec<TcpStream>,
}

impl DeafListener {
    /// Binds a loopback port and fills its queue; takes about 100 ms.
    pub fn open() -> io::Result<Self> {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        listener.listen(0)?;
        let address = listener.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let mut waiting = Vec::new();
        while waiting.len() < MAX_WAITING {
            match TcpStream::connect_timeout(&address, FULL_AFTER) {
                Ok(stream) => waiting.push(stream),
                Err(error) if matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) => {
                    return Ok(Self { address, _listener: listener, _waiting: waiting });
                }
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Where nobody answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
