//! The little HTTP that the bench itself speaks.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;

use super::process;

/// Where the mock upstream listens.
pub const MOCK: SocketAddr = loopback(9100);
/// What every gateway is asked for.
pub const PATH: &str = "/v1/chat/completions";

const TIMEOUT: Duration = Duration::from_secs(20);
const QUIET: Duration = Duration::from_millis(50);

/// What the mock has served since it started.
#[derive(Clone, Copy, Deserialize)]
pub struct MockStats {
    pub requests: u64,
    pub connections: u64,
}

pub const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), port)
}

pub fn is_listening(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_ok()
}

/// The counts once they stand still: a load generator that has ended leaves requests behind it.
pub fn mock_stats() -> anyhow::Result<MockStats> {
    let mut last = mock_stats_now()?;
    loop {
        process::pause(QUIET);
        let now = mock_stats_now()?;
        if now.requests == last.requests {
            return Ok(now);
        }
        last = now;
    }
}

/// One chat completion; an error unless it is answered with 200.
pub fn complete(address: SocketAddr, headers: &[String], body: &[u8]) -> anyhow::Result<()> {
    let (status, answer) = exchange(address, &format!("POST {PATH}"), headers, body)?;
    if status != 200 {
        bail!("answered {status}: {answer}");
    }
    Ok(())
}

fn mock_stats_now() -> anyhow::Result<MockStats> {
    let (_, body) = exchange(MOCK, "GET /__stats", &[], b"")?;
    serde_json::from_str(&body).context("read the mock's counts")
}

/// Status and body of one request on a connection of its own.
fn exchange(address: SocketAddr, target: &str, headers: &[String], body: &[u8]) -> anyhow::Result<(u16, String)> {
    let mut socket = TcpStream::connect_timeout(&address, TIMEOUT)?;
    socket.set_read_timeout(Some(TIMEOUT))?;
    let headers = headers.iter().flat_map(|line| [line.as_str(), "\r\n"]).collect::<String>();
    let length = body.len();
    write!(
        socket,
        "{target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n{headers}\r\n"
    )?;
    socket.write_all(body)?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").context("an answer without an end of its head")?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).context("an answer without a status")?;
    Ok((status, body.to_owned()))
}
