//! One request and its answer over one HTTP/1.1 connection.

use std::time::Duration;

use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{DoorError, MAX_ANSWER};

/// How long an operation may take: testing many keys of slow providers is the longest.
const DEADLINE: Duration = Duration::from_mins(10);

pub(super) async fn exchange<S>(stream: S, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, DoorError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
    let answer = async move {
        let request = request.map(|body| Full::new(Bytes::from(body)));
        let (parts, body) = sender.send_request(request).await.map_err(|error| broken(&error))?.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        let body = body.map_err(|error| DoorError::Strange(format!("The answer broke off: {error}.")))?;
        Ok(Response::from_parts(parts, body.to_bytes().to_vec()))
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

fn broken(error: &hyper::Error) -> DoorError {
    DoorError::Unreachable(format!("The server broke the connection: {error}. See its log."))
}
