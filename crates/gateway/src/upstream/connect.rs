//! From an origin to an open connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use keyward_domain::origin::{Origin, Scheme};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Destination, SendError, address, sandbox};

/// An open connection to a provider.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Memory(DuplexStream),
}

/// A connection and whether the provider chose HTTP/2 on it.
pub(super) struct Connected {
    pub(super) stream: Stream,
    pub(super) is_http2: bool,
}

/// Connects, trying the vetted addresses in turn.
pub(super) async fn connect(to: &Destination<'_>, tls: &Arc<ClientConfig>) -> Result<Connected, SendError> {
    match to.origin.scheme {
        Scheme::Sandbox => Ok(Connected { stream: Stream::Memory(sandbox::open()), is_http2: false }),
        Scheme::Http => Ok(Connected { stream: Stream::Plain(tcp(to).await?), is_http2: false }),
        Scheme::Https => secure(tcp(to).await?, to.origin, tls).await,
    }
}

async fn tcp(to: &Destination<'_>) -> Result<TcpStream, SendError> {
    let mut last = None;
    for address in address::vetted(to.origin, to.allow_private).await? {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // Without it, a stream of small events waits 40 ms for each acknowledgement.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => last = Some(error),
        }
    }
    let why = last.map_or_else(|| "no address".to_owned(), |error| reason(&error));
    Err(SendError::Connect(format!("{}: {why}", to.origin.authority())))
}

async fn secure(tcp: TcpStream, origin: &Origin, tls: &Arc<ClientConfig>) -> Result<Connected, SendError> {
    let name = ServerName::try_from(origin.host.clone())
        .map_err(|_| SendError::Tls(format!("{} is not a name a certificate can have", origin.host)))?;
    let stream = TlsConnector::from(Arc::clone(tls))
        .connect(name, tcp)
        .await
        .map_err(|error| SendError::Tls(format!("{}: {}", origin.host, reason(&error))))?;
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    Ok(Connected { stream: Stream::Tls(Box::new(stream)), is_http2 })
}

/// What went wrong, in the words of the library and without addresses.
fn reason(error: &io::Error) -> String {
    error.get_ref().map_or_else(|| error.kind().to_string(), ToString::to_string)
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Memory(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Memory(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Memory(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
            Self::Memory(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Self::Memory(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Memory(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
