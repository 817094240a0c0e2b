use std::path::PathBuf;

use keyward_domain::origin::{BaseUrl, Origin, Scheme};
use keyward_domain::secret::Secret;
use tokio::net::{TcpStream, UnixStream};

use super::exchange::exchange;
use super::{Ask, DoorError, Sink};

/// The way to a running server.
#[derive(Debug)]
pub struct Client {
    place: Place,
    token: Option<Secret>,
}

#[derive(Debug)]
enum Place {
    Unix(PathBuf),
    Tcp(Origin),
}

/// Why an address cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UrlError(String);

impl Client {
    /// By the admin socket in the home of a server on this machine.
    pub fn unix(socket: PathBuf) -> Self {
        Self { place: Place::Unix(socket), token: None }
    }

    /// By address, with an admin token.
    pub fn url(address: &str, token: Secret) -> Result<Self, UrlError> {
        let url: BaseUrl = address.parse().map_err(|error: keyward_domain::origin::OriginError| {
            UrlError(format!("This is not a usable address: {}.", error.reason))
        })?;
        match url.origin.scheme {
            Scheme::Http if url.prefix.is_empty() => Ok(Self { place: Place::Tcp(url.origin), token: Some(token) }),
            Scheme::Http => Err(UrlError("Give the address of the control plane alone, without a path.".to_owned())),
            Scheme::Https => Err(UrlError(
                "The command line does not speak https yet. Use an ssh tunnel (`ssh -L 8701:127.0.0.1:8701 host`) and http://127.0.0.1:8701.".to_owned(),
            )),
            Scheme::Sandbox => Err(UrlError("Start the address with http://.".to_owned())),
        }
    }

    /// Sends a call and reads the whole answer, save for what goes to the sink.
    pub(super) async fn send(
        &self,
        ask: Ask,
        sink: Option<&mut Sink<'_>>,
    ) -> Result<http::Response<Vec<u8>>, DoorError> {
        let host = match &self.place {
            Place::Unix(_) => "localhost".to_owned(),
            Place::Tcp(origin) => origin.authority(),
        };
        let request = ask.into_request(&host, self.token.as_ref()).map_err(DoorError::Strange)?;
        match &self.place {
            Place::Unix(socket) => {
                let stream = UnixStream::connect(socket).await.map_err(|error| {
                    DoorError::Unreachable(format!(
                        "No server answers on {} ({error}). Start one with `keyward serve`.",
                        socket.display()
                    ))
                })?;
                exchange(stream, request, sink).await
            }
            Place::Tcp(origin) => {
                let stream = TcpStream::connect((origin.host.as_str(), origin.port)).await.map_err(|error| {
                    DoorError::Unreachable(format!("No server answers at {origin} ({error}). Check the address and that `keyward serve` runs there."))
                })?;
                exchange(stream, request, sink).await
            }
        }
    }
}
