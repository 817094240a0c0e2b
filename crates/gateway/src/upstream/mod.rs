//! The one way out. Connections are kept per destination and event loop, HTTP/2 where the provider offers it and
//! HTTP/1.1 elsewhere; redirects are never followed, and a request goes to the origin its credential was sealed for.

mod address;
mod connect;
mod pool;
mod sandbox;
mod tls;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::FixedState;
use http::{Request, Response};
use keyward_domain::denial::{Deadline, Denial};
use keyward_domain::origin::Origin;
use rustls::ClientConfig;

use crate::body::Outgoing;
pub(crate) use pool::Flowing;
use pool::Pool;
pub use tls::BadRoot;
pub(crate) use tls::client_config;

/// All upstream connections of an event loop.
pub(crate) struct Upstream {
    pools: RefCell<std::collections::HashMap<Arc<Origin>, Rc<Pool>, FixedState>>,
    tls: Arc<ClientConfig>,
    connect_deadline: Duration,
    max_idle: usize,
}

/// Where a request may go.
pub(crate) struct Destination<'a> {
    /// The origin that the credential was sealed for.
    pub(crate) origin: &'a Arc<Origin>,
    /// Whether addresses inside a private network are acceptable.
    pub(crate) allow_private: bool,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// Nobody is there, or not where we may connect. Nothing was sent.
    #[error("{0}")]
    Connect(String),
    /// The certificate could not be verified. Nothing was sent.
    #[error("{0}")]
    Tls(String),
    /// No connection in time. Nothing was sent.
    #[error("no connection within the deadline")]
    ConnectTimeout(Duration),
    /// The connection broke while the request was under way; the provider may have got it.
    #[error("{0}")]
    Broken(String),
}

impl Upstream {
    pub(crate) fn new(tls: Arc<ClientConfig>, connect_deadline: Duration, max_idle: usize) -> Self {
        Self { pools: RefCell::default(), tls, connect_deadline, max_idle }
    }

    /// Sends a request and waits for the head of the answer. A connection that turns out to have been closed while it
    /// was idle is replaced without anybody noticing, as long as none of the request was sent.
    pub(crate) async fn send(
        &self,
        to: &Destination<'_>,
        request: Request<Outgoing>,
    ) -> Result<Response<Flowing>, SendError> {
        let pool = self.pool(to.origin);
        let mut request = request;
        loop {
            let (mut connection, fresh) = match pool.idle().await {
                Some(connection) => (connection, false),
                // In a box: few calls need it, and it would be the largest part of every call's future.
                None => (Box::pin(self.connect(&pool, to)).await?, true),
            };
            match connection.send(request).await {
                Ok(response) => return Ok(pool::flowing(pool, connection, response)),
                Err(failed) => match failed.unsent {
                    Some(unsent) if !fresh => request = unsent,
                    // A new connection that broke before anything of the request was sent.
                    Some(_) => return Err(SendError::Connect(failed.what)),
                    None => return Err(SendError::Broken(failed.what)),
                },
            }
        }
    }

    fn pool(&self, origin: &Arc<Origin>) -> Rc<Pool> {
        if let Some(pool) = self.pools.borrow().get(origin) {
            return Rc::clone(pool);
        }
        let pool = Rc::new(Pool::new(self.max_idle));
        self.pools.borrow_mut().insert(Arc::clone(origin), Rc::clone(&pool));
        pool
    }

    async fn connect(&self, pool: &Rc<Pool>, to: &Destination<'_>) -> Result<pool::Connection, SendError> {
        let connecting = connect::connect(to, &self.tls);
        match tokio::time::timeout(self.connect_deadline, connecting).await {
            Ok(connected) => pool.add(connected?).await,
            Err(_) => Err(SendError::ConnectTimeout(self.connect_deadline)),
        }
    }
}

impl SendError {
    /// Whether the provider may have got the request.
    pub(crate) const fn may_have_been_sent(&self) -> bool {
        matches!(self, Self::Broken(_))
    }

    /// What the client is told.
    pub(crate) fn denial(self) -> Denial {
        match self {
            Self::Connect(what) | Self::Broken(what) => Denial::UpstreamError(what),
            Self::Tls(what) => Denial::UpstreamTls(what),
            Self::ConnectTimeout(length) => Denial::UpstreamTimeout(Deadline::Connect, length),
        }
    }
}
