//! The floor for a gateway built on hyper: one thread, one listener, a stack of idle upstream connections, bodies
//! streamed through. With `--work gateway` it also does the least that any gateway must ([`work`]); what Keyward costs
//! above that is its own.

mod body;
mod pool;
mod work;

use std::net::SocketAddr;
use std::rc::Rc;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

use body::{Forwarded, Outgoing};
use pool::Pool;
use work::Books;

#[derive(Parser)]
struct Args {
    #[arg(long, default_value = "127.0.0.1:9200")]
    listen: SocketAddr,
    #[arg(long, default_value = "127.0.0.1:9100")]
    upstream: SocketAddr,
    #[arg(long, value_enum, default_value = "none")]
    work: Work,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Work {
    /// Bytes through, headers swapped.
    None,
    /// Collect and parse the request, look the caller's key up, read the usage of the answer.
    Gateway,
}

struct Proxy {
    pool: Rc<Pool>,
    host: HeaderValue,
    books: Option<Books>,
}

pub type AnyError = Box<dyn std::error::Error + Send + Sync>;

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, serve(&args))
}

async fn serve(args: &Args) -> anyhow::Result<()> {
    let proxy = Rc::new(Proxy {
        pool: Rc::new(Pool::new(args.upstream)),
        host: HeaderValue::from_str(&args.upstream.to_string())?,
        books: (args.work == Work::Gateway).then(Books::new),
    });
    let listener = tokio::net::TcpListener::bind(args.listen).await.with_context(|| format!("bind {}", args.listen))?;
    loop {
        let Ok((socket, _)) = listener.accept().await else { continue };
        let _ = socket.set_nodelay(true);
        let proxy = proxy.clone();
        tokio::task::spawn_local(async move {
            let service = service_fn(move |request| forward(proxy.clone(), request));
            let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
        });
    }
}

async fn forward(proxy: Rc<Proxy>, request: Request<Incoming>) -> Result<Response<Forwarded>, AnyError> {
    let mut request = match &proxy.books {
        None => request.map(Outgoing::Streamed),
        Some(books) => match books.check(request).await {
            Ok(request) => request,
            Err(status) => return Ok(Forwarded::denied(status)),
        },
    };
    strip_hop_by_hop(request.headers_mut());
    request.headers_mut().insert(HOST, proxy.host.clone());

    let mut connection = proxy.pool.take().await?;
    let mut answer = connection.send_request(request).await?;
    strip_hop_by_hop(answer.headers_mut());
    let lease = proxy.pool.clone().lease(connection);
    Ok(answer.map(|body| Forwarded::upstream(body, lease, proxy.books.is_some())))
}

fn strip_hop_by_hop(headers: &mut HeaderMap) {
    static HOP_BY_HOP: [HeaderName; 6] = [
        HeaderName::from_static("connection"),
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
        HeaderName::from_static("te"),
        HeaderName::from_static("upgrade"),
        HeaderName::from_static("transfer-encoding"),
    ];
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}
