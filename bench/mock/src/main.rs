//! OpenAI-compatible upstream with canned answers: one thread, as little work as possible, so that what is measured is
//! the gateway in front of it.
//!
//! | request | answer |
//! |---|---|
//! | `POST */chat/completions` | about 600 bytes of JSON (25 prompt and 40 completion tokens), or server-sent events when the body says `"stream": true` |
//! | `GET */models` | a list of two models |
//! | `GET /__stats` | `{"requests":N,"streams":N,"body_bytes":N,"connections":N}`, the count that CPU time is divided by |
//!
//! A message text can steer its own answer (see [`knob`]), because message texts survive every gateway.

mod answer;
mod knob;
mod sse;

use std::cell::Cell;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;

use anyhow::Context as _;
use bytes::Bytes;
use clap::Parser;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};

use answer::Answers;
use knob::Knobs;
use sse::EventStream;

#[derive(Parser)]
struct Args {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:9100")]
    listen: SocketAddr,
    /// Content events in each stream; role, finish, usage and `[DONE]` come on top.
    #[arg(long, default_value_t = 40)]
    chunks: usize,
}

struct Upstream {
    answers: Rc<Answers>,
    requests: Cell<u64>,
    streams: Cell<u64>,
    body_bytes: Cell<u64>,
    connections: Cell<u64>,
}

type Answer = Response<Either<Full<Bytes>, EventStream>>;

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, serve(&args))
}

async fn serve(args: &Args) -> anyhow::Result<()> {
    let upstream = Rc::new(Upstream {
        answers: Rc::new(Answers::new(args.chunks)),
        requests: Cell::new(0),
        streams: Cell::new(0),
        body_bytes: Cell::new(0),
        connections: Cell::new(0),
    });
    let listener = tokio::net::TcpListener::bind(args.listen).await.with_context(|| format!("bind {}", args.listen))?;
    loop {
        let Ok((socket, _)) = listener.accept().await else { continue };
        let _ = socket.set_nodelay(true);
        add(&upstream.connections, 1);
        let upstream = upstream.clone();
        tokio::task::spawn_local(async move {
            let service = service_fn(move |request| answer(upstream.clone(), request));
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(None)
                .serve_connection(TokioIo::new(socket), service)
                .await;
        });
    }
}

async fn answer(upstream: Rc<Upstream>, request: Request<Incoming>) -> Result<Answer, Infallible> {
    let path = request.uri().path();
    Ok(if path.ends_with("/chat/completions") {
        complete(&upstream, request.into_body()).await
    } else if path.ends_with("/models") {
        json(StatusCode::OK, upstream.answers.models.clone())
    } else if path == "/__stats" {
        json(StatusCode::OK, stats(&upstream))
    } else {
        json(StatusCode::NOT_FOUND, Bytes::from_static(br#"{"error":{"message":"not found"}}"#))
    })
}

async fn complete(upstream: &Upstream, body: Incoming) -> Answer {
    let Ok(body) = body.collect().await else {
        return json(StatusCode::BAD_REQUEST, Bytes::new());
    };
    let body = body.to_bytes();
    add(&upstream.requests, 1);
    add(&upstream.body_bytes, body.len() as u64);

    let knobs = Knobs::read(&body);
    if let Some(wait) = knobs.latency {
        tokio::time::sleep(wait).await;
    }
    if let Some(status) = knobs.status {
        return json(status, upstream.answers.failure.clone());
    }
    if !knob::is_true(&body, b"\"stream\"") {
        return json(StatusCode::OK, upstream.answers.plain.clone());
    }
    add(&upstream.streams, 1);
    let usage = knob::is_true(&body, b"\"include_usage\"");
    let mut answer = Response::new(Either::Right(EventStream::new(upstream.answers.clone(), usage, knobs.delay)));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    answer
}

fn stats(upstream: &Upstream) -> Bytes {
    Bytes::from(format!(
        r#"{{"requests":{},"streams":{},"body_bytes":{},"connections":{}}}"#,
        upstream.requests.get(),
        upstream.streams.get(),
        upstream.body_bytes.get(),
        upstream.connections.get()
    ))
}

fn json(status: StatusCode, body: Bytes) -> Answer {
    let mut answer = Response::new(Either::Left(Full::new(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

fn add(counter: &Cell<u64>, more: u64) {
    counter.set(counter.get() + more);
}
