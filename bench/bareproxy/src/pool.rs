//! Idle upstream connections, newest first.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;

use crate::AnyError;
use crate::body::Outgoing;

pub struct Pool {
    upstream: SocketAddr,
    idle: RefCell<Vec<SendRequest<Outgoing>>>,
}

/// A connection on loan; [`Lease::give_back`] once the answer is read to its end, or drop it with the connection.
pub struct Lease {
    connection: Option<SendRequest<Outgoing>>,
    pool: Rc<Pool>,
}

impl Pool {
    pub fn new(upstream: SocketAddr) -> Self {
        Self { upstream, idle: RefCell::default() }
    }

    pub async fn take(&self) -> Result<SendRequest<Outgoing>, AnyError> {
        loop {
            let Some(mut connection) = self.idle.borrow_mut().pop() else { break };
            if connection.ready().await.is_ok() {
                return Ok(connection);
            }
        }
        let socket = tokio::net::TcpStream::connect(self.upstream).await?;
        socket.set_nodelay(true)?;
        let (sender, connection) = Builder::new().handshake(TokioIo::new(socket)).await?;
        tokio::task::spawn_local(async move {
            let _ = connection.await;
        });
        Ok(sender)
    }

    pub fn lease(self: Rc<Self>, connection: SendRequest<Outgoing>) -> Lease {
        Lease { connection: Some(connection), pool: self }
    }
}

impl Lease {
    pub fn give_back(&mut self) {
        if let Some(connection) = self.connection.take().filter(|connection| !connection.is_closed()) {
            self.pool.idle.borrow_mut().push(connection);
        }
    }
}
