//! Calls that are not client traffic, over the same connector: validating keys, listing models.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue};
use http::{Request, Uri};
use http_body_util::{BodyExt, Limited};
use keyward_domain::origin::{BaseUrl, Origin, Scheme};
use keyward_domain::port::{Egress, EgressAnswer, EgressError, EgressFuture, EgressRequest, MAX_EGRESS_BODY};
use keyward_provider::presets;
use rustls::ClientConfig;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::body::Outgoing;
use crate::options::Deadlines;
use crate::upstream::{BadRoot, Destination, SendError, Upstream, client_config};

/// Calls under way at once; more wait.
const AT_ONCE: usize = 16;
/// Calls that may wait; whoever comes after them waits to be let in.
const QUEUE: usize = 64;

/// The connector for calls outside client traffic. It runs on a thread of its own, which ends with the last handle.
pub fn egress(extra_roots: &[Vec<u8>]) -> Result<Arc<dyn Egress>, BadRoot> {
    let tls = client_config(extra_roots)?;
    let (sender, receiver) = mpsc::channel(QUEUE);
    let started = std::thread::Builder::new().name("egress".to_owned()).spawn(move || run(tls, receiver));
    if let Err(error) = started {
        tracing::error!(%error, "the thread for outgoing calls could not be started");
    }
    Ok(Arc::new(Connector { sender }))
}

struct Connector {
    sender: mpsc::Sender<Errand>,
}

struct Errand {
    request: EgressRequest,
    reply: oneshot::Sender<Result<EgressAnswer, EgressError>>,
}

impl Egress for Connector {
    fn fetch(&self, request: EgressRequest) -> EgressFuture {
        let sender = self.sender.clone();
        let host = request.origin.authority();
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            let gone = || EgressError::Broken(host.clone(), "the connector is not running".to_owned());
            sender.send(Errand { request, reply }).await.map_err(|_| gone())?;
            answer.await.map_err(|_| gone())?
        })
    }
}

fn run(tls: Arc<ClientConfig>, mut errands: mpsc::Receiver<Errand>) {
    let runtime = match Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
        Ok(runtime) => runtime,
        Err(error) => return tracing::error!(%error, "outgoing calls cannot be made"),
    };
    runtime.block_on(async move {
        let upstream = std::rc::Rc::new(Upstream::new(tls, Deadlines::default().connect, 4));
        let mut running = JoinSet::new();
        while let Some(Errand { request, reply }) = errands.recv().await {
            while running.len() >= AT_ONCE {
                running.join_next().await;
            }
            let upstream = std::rc::Rc::clone(&upstream);
            running.spawn_local(async move {
                // Whoever asked may have gone; then nobody needs the answer.
                drop(reply.send(errand(&upstream, request).await));
            });
        }
    });
}

async fn errand(upstream: &Upstream, request: EgressRequest) -> Result<EgressAnswer, EgressError> {
    let host = request.origin.authority();
    let deadline = request.deadline;
    match tokio::time::timeout(deadline, fetch(upstream, request)).await {
        Ok(answer) => answer,
        Err(_) => Err(EgressError::Timeout(host)),
    }
}

async fn fetch(upstream: &Upstream, request: EgressRequest) -> Result<EgressAnswer, EgressError> {
    let host = request.origin.authority();
    let origin = Arc::new(request.origin.clone());
    let outgoing =
        outgoing(request).ok_or_else(|| EgressError::Broken(host.clone(), "the request is not valid".to_owned()))?;
    let to = Destination { origin: &origin, allow_private: !is_vendors(&origin) };
    let response = upstream.send(&to, outgoing).await.map_err(|error| failed(&origin, error))?;
    let (head, body) = response.into_parts();
    let body = Limited::new(body, MAX_EGRESS_BODY).collect().await;
    let body = body.map_err(|_| EgressError::Broken(host, "the answer broke off or is too long".to_owned()))?;
    let headers =
        head.headers.iter().filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
    Ok(EgressAnswer { status: head.status.as_u16(), headers: headers.collect(), body: body.to_bytes().to_vec() })
}

/// A vendor's public name that leads into a private network has been tampered with; any other host was named by the
/// operator, who may well mean one there.
fn is_vendors(origin: &Origin) -> bool {
    let bases = presets().iter().filter_map(|preset| preset.base_url.parse::<BaseUrl>().ok());
    origin.scheme == Scheme::Https && bases.into_iter().any(|base| base.origin.host == origin.host)
}

fn outgoing(request: EgressRequest) -> Option<Request<Outgoing>> {
    let mut outgoing = Request::new(Outgoing::from(Bytes::from(request.body)));
    *outgoing.method_mut() = request.method.parse().ok()?;
    *outgoing.uri_mut() = request.path.parse::<Uri>().ok()?;
    let headers = outgoing.headers_mut();
    for (name, value) in request.headers {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(&value).ok()?);
    }
    if let Some((name, secret)) = request.credential {
        let mut value = HeaderValue::from_bytes(secret.expose()).ok()?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_bytes(name.as_bytes()).ok()?, value);
    }
    headers.insert(HOST, HeaderValue::from_str(&request.origin.authority()).ok()?);
    if request.method != "GET" {
        let length = http_body::Body::size_hint(outgoing.body()).lower();
        outgoing.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Some(outgoing)
}

fn failed(origin: &Origin, error: SendError) -> EgressError {
    let host = origin.authority();
    match error {
        SendError::Connect(what) => EgressError::Connect(host, what),
        SendError::Tls(what) => EgressError::Tls(host, what),
        SendError::ConnectTimeout(_) => EgressError::Timeout(host),
        SendError::Broken(what) => EgressError::Broken(host, what),
    }
}
