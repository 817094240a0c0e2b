//! The program under test with the sandbox, and small calls to it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

#[path = "../program/mod.rs"]
mod shared;

pub use shared::{Ended, Scene, Served, files};

impl Scene {
    /// A place where `init` ran and the sandbox is ready; gives a virtual key's token.
    pub fn with_sandbox() -> (Self, String) {
        let scene = Self::founded();
        scene.run_with(&["key", "add", "sandbox", "--name", "primary"], "sandbox-key-one").succeeded();
        let created = scene.json(&["vkey", "create", "app"]);
        (scene, created["token"].as_str().unwrap().to_owned())
    }

    /// Writes the installation's config file.
    pub fn config(&self, text: &str) {
        std::fs::write(self.home().join("keyward.yaml"), text).unwrap();
    }
}

impl Ended {
    #[track_caller]
    pub fn failed_with(self, code: i32) -> Self {
        self.ended_with(code)
    }

    /// Everything that was printed.
    pub fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

impl Served {
    pub fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(self.pid(), signal).unwrap();
    }
}

/// Status and body of one HTTP request.
pub fn http(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let mut head =
        vec![format!("{method} {path} HTTP/1.1"), format!("host: {address}"), "connection: close".to_owned()];
    head.extend(headers.iter().map(|(name, value)| format!("{name}: {value}")));
    if !body.is_empty() {
        head.push(format!("content-type: application/json\r\ncontent-length: {}", body.len()));
    }
    stream.write_all(format!("{}\r\n\r\n{body}", head.join("\r\n")).as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    // Speech is not text.
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, body.to_owned())
}

/// Begins a call whose answer is a stream, and waits for its first event.
pub fn begin_stream(address: SocketAddr, path: &str, bearer: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: {bearer}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut line = String::new();
    let mut reader = BufReader::new(&mut stream);
    while !line.starts_with("data:") {
        line.clear();
        assert!(reader.read_line(&mut line).unwrap() > 0, "the stream ended before it began");
    }
    stream
}

/// A chat call to the sandbox.
pub fn chat(address: SocketAddr, token: &str) -> (u16, String) {
    let body = r#"{"model":"sandbox-small","messages":[{"role":"user","content":"Hello"}]}"#;
    http(address, "POST", "/v1/chat/completions", &[("authorization", &format!("Bearer {token}"))], body)
}
