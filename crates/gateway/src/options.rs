//! What an operator can set about the data plane. Every limit has a default that is safe to keep.

use std::net::SocketAddr;
use std::time::Duration;

use keyward_domain::money::Nanodollars;
use keyward_domain::port::Durability;
use keyward_limit::queue::{DEFAULT_PLACES, Places};

/// How long a call waits unless the operator says otherwise: clients give up not much later.
const DEFAULT_WAIT: Duration = Duration::from_secs(2);

/// Everything the data plane needs to know that is not configuration data.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Event loops; one per core is right.
    pub workers: usize,
    /// What a client may send.
    pub limits: Limits,
    /// How long an upstream call may take.
    pub deadlines: Deadlines,
    /// How often a call is tried.
    pub attempts: Attempts,
    /// How calls wait while limits or keys are full.
    pub queue: Queue,
    /// What happens when the client goes away.
    pub disconnect: Disconnect,
    /// What an acknowledged ledger write survives.
    pub durability: Durability,
    /// Whether `?key=` is accepted as a credential. It ends up in other people's logs; off by default.
    pub allow_query_key: bool,
    /// Whether callers' `traceparent` headers are read, because traces are exported.
    pub traced: bool,
    /// Certificates (DER) to trust besides the public ones.
    pub extra_roots: Vec<Vec<u8>>,
}

/// What a client may send, and how many clients there may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest JSON body, in bytes.
    pub json_body: u64,
    /// Largest upload (multipart), in bytes.
    pub upload_body: u64,
    /// Largest part of an upload that is kept in memory to find the model name, in bytes. SDKs may put the file first,
    /// and the largest audio file that vendors take is 25 MB.
    pub upload_head: usize,
    /// For a request to arrive completely when it is not an upload.
    pub body_read: Duration,
    /// For a request's head to arrive.
    pub head_read: Duration,
    /// Headers in a request.
    pub headers: usize,
    /// Client connections at once.
    pub connections: usize,
    /// Calls in flight at once.
    pub in_flight: usize,
    /// Idle upstream connections kept per destination and event loop.
    pub idle_upstream: usize,
}

/// How long an upstream call may take; each is exact to 50 ms.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// To have a connection.
    pub connect: Duration,
    /// From sending to the first content byte.
    pub first_content: Duration,
    /// Between two pieces of the answer.
    pub idle: Duration,
    /// For the whole call, from its arrival.
    pub total: Duration,
    /// After this much silence on a stream, the client gets a comment that keeps the connection open.
    pub keep_alive: Duration,
}

/// How often a call is tried.
#[derive(Debug, Clone, Copy)]
pub struct Attempts {
    /// Upstream calls for one client call, at most.
    pub max: usize,
    /// After this much time since its arrival a call is not tried again; the call's own deadline holds besides.
    pub total: Option<Duration>,
    /// What attempts that failed and may be billed all the same can cost together with the next one, at most.
    pub cost: Option<Nanodollars>,
    /// Whether a client may ask with `x-keyward-explain` which way its call took, and be told in a header.
    pub explain: bool,
}

/// How calls wait while limits or keys are full, instead of being refused at once.
#[derive(Debug, Clone, Copy)]
pub struct Queue {
    /// How long a call may wait, over all that it waits for. Zero refuses at once.
    pub wait: Duration,
    /// How many may wait.
    pub places: Places,
}

/// What happens upstream when the client goes away; a virtual key may say otherwise.
#[derive(Debug, Clone, Copy)]
pub struct Disconnect {
    /// How long an abandoned answer is read on under the `drain` policy.
    pub drain_max: Duration,
    /// How many abandoned answers are read on at once per event loop; more are aborted.
    pub drains: usize,
}

impl Options {
    /// The defaults, listening there.
    pub fn listening(listen: SocketAddr) -> Self {
        Self {
            listen,
            workers: 1,
            limits: Limits::default(),
            deadlines: Deadlines::default(),
            attempts: Attempts::default(),
            queue: Queue::default(),
            disconnect: Disconnect::default(),
            durability: Durability::default(),
            allow_query_key: false,
            traced: false,
            extra_roots: Vec::new(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            json_body: 32 << 20,
            upload_body: 64 << 20,
            upload_head: 26 << 20,
            body_read: Duration::from_mins(1),
            head_read: Duration::from_secs(10),
            headers: 64,
            connections: 10_000,
            in_flight: 4_096,
            idle_upstream: 256,
        }
    }
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            first_content: Duration::from_mins(2),
            idle: Duration::from_mins(1),
            total: Duration::from_mins(15),
            keep_alive: Duration::from_secs(15),
        }
    }
}

impl Default for Attempts {
    fn default() -> Self {
        Self { max: 4, total: None, cost: None, explain: false }
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self { wait: DEFAULT_WAIT, places: Places::new(DEFAULT_PLACES) }
    }
}

impl Default for Disconnect {
    fn default() -> Self {
        Self { drain_max: Duration::from_mins(2), drains: 256 }
    }
}
