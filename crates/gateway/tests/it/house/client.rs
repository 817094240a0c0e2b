//! A client made of a socket, so that a test sees every byte and can hang up wherever it likes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Nothing in a test takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Client {
    reader: BufReader<TcpStream>,
    headers: Vec<(String, String)>,
}

/// An answer, its body read to the end.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the body ended as its framing promised.
    pub(crate) complete: bool,
}

/// An answer whose body is still to be read.
pub(crate) struct Begun<'a> {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    client: &'a mut Client,
    framing: Framing,
}

enum Framing {
    Length(usize),
    Chunked,
    Done,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr, key: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { reader: BufReader::new(stream), headers: vec![("authorization".into(), format!("Bearer {key}"))] }
    }

    /// The same connection with these headers instead of the bearer key.
    pub(crate) fn headers(mut self, headers: &[(&str, &str)]) -> Self {
        self.headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self
    }

    /// One more header on every request.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.request("GET", path, b"")
    }

    pub(crate) fn post(&mut self, path: &str, body: &str) -> Answer {
        self.request("POST", path, body.as_bytes())
    }

    pub(crate) fn request(&mut self, method: &str, path: &str, body: &[u8]) -> Answer {
        self.begin(method, path, body).finish()
    }

    /// Sends a request and reads the head of the answer.
    pub(crate) fn begin(&mut self, method: &str, path: &str, body: &[u8]) -> Begun<'_> {
        self.send(method, path, body);
        self.head()
    }

    /// Sends a request and reads nothing.
    pub(crate) fn send(&mut self, method: &str, path: &str, body: &[u8]) {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: keyward.test\r\n");
        for (name, value) in &self.headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        if !body.is_empty() && !self.headers.iter().any(|(name, _)| name == "content-type") {
            head.push_str("content-type: application/json\r\n");
        }
        if method != "GET" {
            head.extend(["content-length: ", &body.len().to_string(), "\r\n"]);
        }
        head.push_str("\r\n");
        self.raw(&[head.as_bytes(), body].concat());
    }

    /// Sends exactly these bytes. A server that has hung up already shows in what is read next.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        drop(self.reader.get_mut().write_all(bytes));
    }

    /// Reads the head of an answer.
    pub(crate) fn head(&mut self) -> Begun<'_> {
        let status = self.line().split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        let mut headers = Vec::new();
        loop {
            let line = self.line();
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').unwrap();
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let find = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let framing = if find("transfer-encoding").is_some() {
            Framing::Chunked
        } else {
            find("content-length").map_or(Framing::Done, |length| Framing::Length(length.parse().unwrap()))
        };
        Begun { status, headers, client: self, framing }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap_or(0);
        line.trim_end().to_owned()
    }
}

impl Begun<'_> {
    /// The next piece of the body: `None` at its end, `Some(Err)` when it broke off.
    pub(crate) fn piece(&mut self) -> Option<Result<Vec<u8>, ()>> {
        let length = match self.framing {
            Framing::Done => return None,
            Framing::Length(length) => {
                self.framing = Framing::Done;
                length
            }
            Framing::Chunked => {
                let line = self.client.line();
                let Ok(length) = usize::from_str_radix(line.trim(), 16) else {
                    self.framing = Framing::Done;
                    return Some(Err(()));
                };
                length
            }
        };
        let mut piece = vec![0; length];
        if self.client.reader.read_exact(&mut piece).is_err() {
            self.framing = Framing::Done;
            return Some(Err(()));
        }
        if matches!(self.framing, Framing::Chunked) {
            self.client.line();
            if length == 0 {
                self.framing = Framing::Done;
                return None;
            }
        }
        Some(Ok(piece))
    }

    /// The rest of the body.
    pub(crate) fn finish(mut self) -> Answer {
        let mut body = Vec::new();
        let mut complete = true;
        while let Some(piece) = self.piece() {
            match piece {
                Ok(piece) => body.extend(piece),
                Err(()) => complete = false,
            }
        }
        Answer { status: self.status, headers: self.headers, body, complete }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }
}
