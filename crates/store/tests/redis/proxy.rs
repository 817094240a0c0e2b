//! A network between a node and a server that can be made worse.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const WELL: u8 = 0;
const SLOW: u8 = 1;
const SILENT: u8 = 2;
const ANSWERLESS: u8 = 3;

pub struct Proxy {
    port: u16,
    weather: Arc<AtomicU8>,
    _running: JoinSet<()>,
}

impl Proxy {
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let weather = Arc::new(AtomicU8::new(WELL));
        let mut running = JoinSet::new();
        running.spawn(accept(listener, port, Arc::clone(&weather)));
        Self { port: own, weather, _running: running }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Every answer takes half a second more.
    pub fn slow(&self) {
        self.weather.store(SLOW, SeqCst);
    }

    /// Nothing arrives any more, and nobody is told.
    pub fn silent(&self) {
        self.weather.store(SILENT, SeqCst);
    }

    /// What the server answers does not arrive any more.
    pub fn answerless(&self) {
        self.weather.store(ANSWERLESS, SeqCst);
    }

    pub fn well(&self) {
        self.weather.store(WELL, SeqCst);
    }
}

async fn accept(listener: TcpListener, port: u16, weather: Arc<AtomicU8>) {
    let mut running = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { continue };
        let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
        running.spawn(carry(from_client, to_server, Arc::clone(&weather), SILENT));
        running.spawn(carry(from_server, to_client, Arc::clone(&weather), ANSWERLESS));
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, weather: Arc<AtomicU8>, loses_in: u8) {
    let mut buffer = [0; 16_384];
    while let Ok(read) = from.read(&mut buffer).await {
        if weather.load(SeqCst) == SLOW {
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        let lost = [SILENT, loses_in].contains(&weather.load(SeqCst));
        if read == 0 || (!lost && to.write_all(&buffer[..read]).await.is_err()) {
            return;
        }
    }
}
