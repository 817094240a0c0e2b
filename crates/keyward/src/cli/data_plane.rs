//! A small HTTP client for the data plane: one connection per call, so that what the demo measures is the gateway.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;

/// Longer answers are not expected here, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;
/// Nothing that is asked here takes longer.
const DEADLINE: Duration = Duration::from_secs(20);

/// One call.
pub struct Call {
    /// `GET`, `POST` or `DELETE`.
    pub method: &'static str,
    /// Path and query.
    pub path: String,
    /// Headers besides the usual ones.
    pub headers: Vec<(&'static str, String)>,
    /// The body's content type.
    pub content_type: &'static str,
    /// Body; empty for `GET`.
    pub body: Vec<u8>,
}

/// What came back.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Which provider key served it, as the answer's header says.
    pub key: Option<String>,
    /// The whole body.
    pub body: Bytes,
    /// From sending to the last byte.
    pub took: Duration,
}

/// Sends a call and reads the whole answer.
pub async fn send(address: std::net::SocketAddr, call: Call) -> anyhow::Result<Answer> {
    tokio::time::timeout(DEADLINE, exchange(address, call)).await.context("the server did not answer in time")?
}

async fn exchange(address: std::net::SocketAddr, call: Call) -> anyhow::Result<Answer> {
    let stream = tokio::net::TcpStream::connect(address).await.context("cannot connect to the server")?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let mut request = http::Request::builder().method(call.method).uri(call.path).header("host", address.to_string());
    if !call.body.is_empty() {
        request = request.header("content-type", call.content_type);
    }
    for (name, value) in call.headers {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(Bytes::from(call.body)))?;
    let started = Instant::now();
    let exchange = async {
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        let key = response.headers().get("x-keyward-key").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        let Ok(body) = body else { bail!("the answer broke off") };
        Ok(Answer { status, key, body: body.to_bytes(), took: started.elapsed() })
    };
    tokio::pin!(exchange);
    // The connection does its work only while it is polled. It may end first, with the whole answer already read.
    tokio::select! {
        biased;
        answer = &mut exchange => answer,
        _ = connection => exchange.await,
    }
}
