//! A new connection: found, encrypted when that is wanted, signed in and tried.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use keyward_domain::secret::Secret;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::health::Why;
use super::options::{Address, CONNECT, Options, PREFIX};
use super::parts;
use super::script;
use super::wire::{self, Value};

/// How long TLS, signing in and the first answer may take together. No call waits for it.
const GREETING: Duration = Duration::from_millis(500);

/// A connection of any sort.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// What every connection needs.
pub(super) struct Setup {
    tls: Option<Arc<ClientConfig>>,
    user: Option<String>,
    password: Option<Secret>,
    database: u32,
}

/// A configured root certificate cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("a configured root certificate cannot be used: {0}")]
pub struct BadRoot(rustls::Error);

impl Setup {
    pub(super) fn new(options: &mut Options) -> Result<Self, BadRoot> {
        let tls = if options.tls { Some(client_config(&options.extra_roots)?) } else { None };
        Ok(Self { tls, user: options.user.take(), password: options.password.take(), database: options.database })
    }
}

/// A connection that has answered.
pub(super) struct Connected {
    pub(super) stream: Box<dyn Stream>,
    /// Whether the server is one of a cluster.
    pub(super) is_cluster: bool,
}

/// Makes a connection and tries it.
pub(super) async fn connect(to: &Address, setup: &Setup) -> Result<Connected, Why> {
    let plain = timeout(CONNECT, open(to)).await.map_err(|_| Why::Unreachable("no answer in time".to_owned()))?;
    let plain = plain.map_err(|error| Why::Unreachable(error.to_string()))?;
    let greeted = timeout(GREETING, async {
        let mut stream = secured(plain, to, setup).await?;
        let is_cluster = greet(&mut stream, setup).await?;
        Ok(Connected { stream, is_cluster })
    });
    greeted.await.unwrap_or(Err(Why::Slow))
}

/// Writes the command that shows whether the server can be written to; in a cluster any answer of this node does.
pub(super) fn write_probe(to: &mut BytesMut) {
    let key = format!("{PREFIX}probe");
    let parts = ["SET", key.as_str(), "1", "PX", "1000"];
    wire::write(to, parts.len(), parts.map(str::as_bytes).into_iter());
}

/// Whether the answer to the probe shows that it can.
pub(super) fn is_well(answer: &Value) -> Result<(), Why> {
    match answer {
        Value::Error(text) if text.starts_with("MOVED ") || text.starts_with("ASK ") => Ok(()),
        // Nobody has that part of the cluster; the server has its own.
        Value::Error(text) if text.starts_with("CLUSTERDOWN Hash slot") => Ok(()),
        Value::Error(text) => Err(Why::Refused(text.clone())),
        _ => Ok(()),
    }
}

async fn open(to: &Address) -> std::io::Result<Box<dyn Stream>> {
    Ok(match to {
        Address::Tcp(host, port) => {
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            stream.set_nodelay(true)?;
            Box::new(stream)
        }
        Address::Unix(path) => Box::new(UnixStream::connect(path).await?),
    })
}

async fn secured(plain: Box<dyn Stream>, to: &Address, setup: &Setup) -> Result<Box<dyn Stream>, Why> {
    let (Some(tls), Address::Tcp(host, _)) = (&setup.tls, to) else { return Ok(plain) };
    let unreachable = |what: String| Why::Unreachable(what);
    let name = ServerName::try_from(host.clone()).map_err(|error| unreachable(error.to_string()))?;
    let secured = TlsConnector::from(Arc::clone(tls)).connect(name, plain).await;
    Ok(Box::new(secured.map_err(|error| unreachable(format!("TLS: {error}")))?))
}

/// Signs in, leaves the scripts there, and says whether the server is one of a cluster.
async fn greet(stream: &mut Box<dyn Stream>, setup: &Setup) -> Result<bool, Why> {
    let mut input = BytesMut::new();
    if let Some(password) = &setup.password {
        write_login(stream, setup.user.as_deref(), password).await.map_err(|_| Why::Closed)?;
        is_well(&answer(stream, &mut input).await?)?;
    }
    let mut output = BytesMut::new();
    if setup.database > 0 {
        let database = setup.database.to_string();
        wire::write(&mut output, 2, ["SELECT", &database].map(str::as_bytes).into_iter());
        stream.write_all_buf(&mut output).await.map_err(|_| Why::Closed)?;
        is_well(&answer(stream, &mut input).await?)?;
    }
    let loading = script::write_loading(&mut output);
    write_cluster_question(&mut output);
    write_probe(&mut output);
    stream.write_all_buf(&mut output).await.map_err(|_| Why::Closed)?;
    for _ in 0..loading {
        answer(stream, &mut input).await?;
    }
    let is_cluster = is_of_a_cluster(&answer(stream, &mut input).await?);
    is_well(&answer(stream, &mut input).await?)?;
    Ok(is_cluster)
}

/// Asks for two keys that are in different parts of any cluster. The question needs no right that scripts do not need.
fn write_cluster_question(to: &mut BytesMut) {
    let (one, another) = (format!("{PREFIX}{{1}}"), format!("{PREFIX}{{2}}"));
    let parts = ["EVAL", "return 0", "2", one.as_str(), another.as_str()];
    wire::write(to, parts.len(), parts.map(str::as_bytes).into_iter());
}

/// Whether that was refused as only a cluster does.
fn is_of_a_cluster(answer: &Value) -> bool {
    matches!(answer, Value::Error(text) if text.starts_with("CROSSSLOT") || parts::is_about_a_part(text))
}

/// The password goes from where it is kept into the connection: no buffer of ours has it.
async fn write_login(stream: &mut Box<dyn Stream>, user: Option<&str>, password: &Secret) -> std::io::Result<()> {
    let user = user.map_or(String::new(), |user| format!("${}\r\n{user}\r\n", user.len()));
    let parts = if user.is_empty() { 2 } else { 3 };
    let head = format!("*{parts}\r\n$4\r\nAUTH\r\n{user}${}\r\n", password.len());
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(password.expose()).await?;
    stream.write_all(b"\r\n").await?;
    stream.flush().await
}

async fn answer(stream: &mut Box<dyn Stream>, input: &mut BytesMut) -> Result<Value, Why> {
    loop {
        if let Some((value, length)) = wire::read(input).map_err(|_| Why::Malformed)? {
            let _ = input.split_to(length);
            return Ok(value);
        }
        match stream.read_buf(input).await {
            Ok(read) if read > 0 => {}
            _ => return Err(Why::Closed),
        }
    }
}

fn client_config(extra_roots: &[Vec<u8>]) -> Result<Arc<ClientConfig>, BadRoot> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for root in extra_roots {
        roots.add(CertificateDer::from(root.clone())).map_err(BadRoot)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(BadRoot)?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}
