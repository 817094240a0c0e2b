//! One request and its answer over one HTTP/1.1 connection.

use std::time::Duration;

use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Bytes};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{DoorError, MAX_ANSWER, Sink};

/// How long an operation may take: testing many keys of slow providers is the longest.
const DEADLINE: Duration = Duration::from_mins(10);

/// Sends a request and gives the whole answer; or, where there is a sink, gives what a success says to the sink, piece by
/// piece.
pub(super) async fn exchange<S>(
    stream: S,
    request: Request<Vec<u8>>,
    sink: Option<&mut Sink<'_>>,
) -> Result<Response<Vec<u8>>, DoorError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
    let answer = async move {
        let request = request.map(|body| Full::new(Bytes::from(body)));
        let (parts, body) = sender.send_request(request).await.map_err(|error| broken(&error))?.into_parts();
        let body = match sink.filter(|_| parts.status.is_success()) {
            Some(sink) => drain(body, sink).await.map(|()| Vec::new()),
            None => whole(body).await,
        };
        Ok(Response::from_parts(parts, body?))
    };
    let driven = async {
        tokio::pin!(answer, connection);
        tokio::select! {
            biased;
            answer = &mut answer => answer,
            // The connection is over; what has arrived is still there to be read.
            _ = &mut connection => answer.await,
        }
    };
    let late = |_| DoorError::Unreachable(format!("The server did not answer within {} s.", DEADLINE.as_secs()));
    tokio::time::timeout(DEADLINE, driven).await.map_err(late)?
}

/// A body that fits into memory.
pub(super) async fn whole<B: Body<Data = Bytes>>(body: B) -> Result<Vec<u8>, DoorError>
where
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let body = Limited::new(body, MAX_ANSWER).collect().await;
    Ok(body.map_err(|error| broke_off(&*error))?.to_bytes().to_vec())
}

/// A body of any length.
pub(super) async fn drain<B: Body<Data = Bytes>>(body: B, sink: &mut Sink<'_>) -> Result<(), DoorError>
where
    B::Error: std::fmt::Display,
{
    let mut body = std::pin::pin!(body);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broke_off(&error))?;
        if let Ok(data) = frame.into_data() {
            sink(&data).map_err(|error| DoorError::Strange(format!("The answer could not be written: {error}.")))?;
        }
    }
    Ok(())
}

fn broke_off(error: &(impl std::fmt::Display + ?Sized)) -> DoorError {
    DoorError::Strange(format!("The answer broke off: {error}."))
}

fn broken(error: &hyper::Error) -> DoorError {
    DoorError::Unreachable(format!("The server broke the connection: {error}. See its log."))
}
