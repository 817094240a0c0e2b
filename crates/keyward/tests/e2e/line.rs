//! A client that sees the bytes as they are: blocking, over one connection that is kept.

use std::fmt::Write as _;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Longer than anything here is meant to take.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer, up to its end or to where it broke.
#[derive(Debug, Default)]
pub struct Answer {
    /// 0 when there was none.
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    /// Without the framing of chunks.
    pub body: Vec<u8>,
    /// Whether it came to its declared end.
    pub complete: bool,
}

/// A connection to one address; opened when it is needed, opened again when it is gone.
pub struct Line {
    address: SocketAddr,
    open: Option<BufReader<TcpStream>>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The refusal's code, in whatever dialect it is told.
    pub fn code(&self) -> String {
        let json: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let places = ["/error/code", "/error/details/error_code", "/error/details/0/metadata/code"];
        places.iter().find_map(|place| json.pointer(place)?.as_str().map(str::to_owned)).unwrap_or_default()
    }
}

impl Line {
    pub const fn to(address: SocketAddr) -> Self {
        Self { address, open: None }
    }

    /// One call; a kept connection that turns out to be gone is replaced once.
    pub fn call(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            let _ = write!(head, "host: {}\r\n", self.address);
        }
        for (name, value) in headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if !body.is_empty() {
            if !headers.iter().any(|(name, _)| *name == "content-type") {
                head.push_str("content-type: application/json\r\n");
            }
            let _ = write!(head, "content-length: {}\r\n", body.len());
        }
        let request = [head.as_bytes(), b"\r\n", body].concat();
        let kept = self.open.is_some();
        let answer = self.exchange(&request, method == "HEAD");
        if kept && answer.status == 0 { self.exchange(&request, method == "HEAD") } else { answer }
    }

    pub fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.call("GET", path, headers, b"")
    }

    pub fn post(&mut self, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        self.call("POST", path, headers, body.to_string().as_bytes())
    }

    fn exchange(&mut self, request: &[u8], headless: bool) -> Answer {
        let mut answer = Answer::default();
        let reader = match self.open.take() {
            Some(reader) => Ok(reader),
            None => connect(self.address),
        };
        let Ok(mut reader) = reader else { return answer };
        // A server that answers before it has read everything may close its ear; what it said is still there.
        let sent = reader.get_mut().write_all(request);
        let reusable = read_answer(&mut reader, headless, &mut answer).unwrap_or(false);
        if reusable && sent.is_ok() {
            self.open = Some(reader);
        }
        answer
    }
}

fn connect(address: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(BufReader::new(stream))
}

/// Gives whether the connection can be used again.
fn read_answer(reader: &mut BufReader<TcpStream>, headless: bool, answer: &mut Answer) -> io::Result<bool> {
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(false);
        }
        answer.head.push_str(&line);
        if line == "\r\n" {
            break;
        }
    }
    answer.status = answer.head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let head = answer.head.to_ascii_lowercase();
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let closes = header("connection:") == Some("close");
    if headless || matches!(answer.status, 204 | 304) {
        answer.complete = true;
    } else if header("transfer-encoding:") == Some("chunked") {
        read_chunks(reader, answer)?;
    } else if let Some(length) = header("content-length:").and_then(|length| length.parse::<u64>().ok()) {
        reader.by_ref().take(length).read_to_end(&mut answer.body)?;
        answer.complete = answer.body.len() as u64 == length;
    } else {
        reader.read_to_end(&mut answer.body)?;
        answer.complete = true;
        return Ok(false);
    }
    Ok(answer.complete && !closes)
}

fn read_chunks(reader: &mut BufReader<TcpStream>, answer: &mut Answer) -> io::Result<()> {
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = line.trim().split(';').next().and_then(|size| u64::from_str_radix(size, 16).ok());
        let Some(size) = size else { return Ok(()) };
        if size > 0 {
            let before = answer.body.len() as u64;
            reader.by_ref().take(size).read_to_end(&mut answer.body)?;
            if answer.body.len() as u64 - before < size {
                return Ok(());
            }
        }
        let mut end = String::new();
        reader.read_line(&mut end)?;
        if size == 0 {
            answer.complete = end == "\r\n";
            return Ok(());
        }
    }
}
