//! A small blocking HTTP/1.1 client that sees the bytes as they are.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use keyward_testkit::provider::{ScriptedProvider, Vendor};
use serde_json::Value;

/// An answer read to its end, or to the point where it broke.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    /// The body's bytes, chunked framing removed.
    pub(crate) body: Vec<u8>,
    /// Sizes of the chunks of a chunked body.
    pub(crate) chunks: Vec<usize>,
    /// Whether the body came to its declared end.
    pub(crate) complete: bool,
    /// The connection was reset instead of closed.
    pub(crate) reset: bool,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The payloads of the `data:` lines.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.text()
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .filter(|data| *data != "[DONE]")
            .map(|data| serde_json::from_str(data).unwrap())
            .collect()
    }
}

/// A connection that can be read in steps.
pub(crate) struct Connection {
    stream: TcpStream,
    held: Vec<u8>,
    reset: bool,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).unwrap(), held: Vec::new(), reset: false }
    }

    pub(crate) fn send(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) {
        let mut request = format!("{method} {target} HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            request.extend([name, ": ", value, "\r\n"]);
        }
        request.push_str("\r\n");
        self.stream.write_all(request.as_bytes()).unwrap();
        self.stream.write_all(body).unwrap();
    }

    /// Reads on until the held bytes contain `needle`; false at the end of the connection.
    pub(crate) fn read_until(&mut self, needle: &[u8]) -> bool {
        while !self.held.windows(needle.len()).any(|window| window == needle) {
            if !matches!(self.fill(), Ok(true)) {
                return false;
            }
        }
        true
    }

    /// Reads what is there, or waits for something; false at the end of the connection.
    pub(crate) fn read_some(&mut self) -> bool {
        matches!(self.fill(), Ok(true))
    }

    /// What was read so far, with chunked framing in it.
    pub(crate) fn held(&self) -> &[u8] {
        &self.held
    }

    /// Everything until the connection closes.
    pub(crate) fn read_to_close(&mut self) -> Vec<u8> {
        while matches!(self.fill(), Ok(true)) {}
        std::mem::take(&mut self.held)
    }

    /// Reads one answer.
    pub(crate) fn answer(&mut self) -> Answer {
        let mut answer = Answer::default();
        if !self.read_until(b"\r\n\r\n") {
            answer.reset = self.reset;
            return answer;
        }
        let end = self.held.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        let head = String::from_utf8(self.held.drain(..end).collect()).unwrap();
        let mut lines = head.split("\r\n");
        answer.status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        answer.headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        if answer.header("transfer-encoding") == Some("chunked") {
            self.read_chunks(&mut answer);
        } else if let Some(length) = answer.header("content-length").map(|text| text.parse::<usize>().unwrap()) {
            while self.held.len() < length && matches!(self.fill(), Ok(true)) {}
            answer.complete = self.held.len() >= length;
            answer.body = self.held.drain(..length.min(self.held.len())).collect();
        }
        answer.reset = !answer.complete && self.reset;
        answer
    }

    fn read_chunks(&mut self, answer: &mut Answer) {
        while self.read_until(b"\r\n") {
            let end = self.held.windows(2).position(|window| window == b"\r\n").unwrap();
            let size = usize::from_str_radix(std::str::from_utf8(&self.held[..end]).unwrap(), 16).unwrap();
            while self.held.len() < end + size + 4 && matches!(self.fill(), Ok(true)) {}
            let available = self.held.len().min(end + 2 + size);
            answer.body.extend_from_slice(&self.held[end + 2..available]);
            if self.held.len() < end + size + 4 {
                return;
            }
            self.held.drain(..end + size + 4);
            if size == 0 {
                answer.complete = true;
                return;
            }
            answer.chunks.push(size);
        }
    }

    fn fill(&mut self) -> std::io::Result<bool> {
        let mut buffer = [0; 16 * 1024];
        let read = self.stream.read(&mut buffer).inspect_err(|error| {
            self.reset = error.kind() == std::io::ErrorKind::ConnectionReset;
        })?;
        self.held.extend_from_slice(&buffer[..read]);
        Ok(read > 0)
    }
}

/// The headers with which this vendor's clients authenticate.
pub(crate) fn auth(vendor: Vendor, key: &str) -> Vec<(String, String)> {
    let pair = |name: &str, value: String| (name.to_owned(), value);
    match vendor {
        Vendor::OpenAi => vec![pair("authorization", format!("Bearer {key}"))],
        Vendor::Anthropic => {
            vec![pair("x-api-key", key.to_owned()), pair("anthropic-version", "2023-06-01".to_owned())]
        }
        Vendor::Gemini => vec![pair("x-goog-api-key", key.to_owned())],
    }
}

/// A request as JSON on a connection of its own.
pub(crate) fn post(provider: &ScriptedProvider, vendor: Vendor, key: &str, target: &str, body: &Value) -> Answer {
    let mut connection = Connection::open(provider.address());
    start(&mut connection, vendor, key, target, body);
    connection.answer()
}

/// Sends a request without waiting for the answer.
pub(crate) fn start(connection: &mut Connection, vendor: Vendor, key: &str, target: &str, body: &Value) {
    let headers = auth(vendor, key);
    let mut headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    headers.push(("content-type", "application/json"));
    connection.send("POST", target, &headers, body.to_string().as_bytes());
}

/// A `GET` on a connection of its own.
pub(crate) fn get(provider: &ScriptedProvider, vendor: Vendor, key: &str, target: &str) -> Answer {
    let mut connection = Connection::open(provider.address());
    let headers = auth(vendor, key);
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    connection.send("GET", target, &headers, b"");
    connection.answer()
}

/// The simplest request of each dialect: target and body.
pub(crate) fn hello(vendor: Vendor, stream: bool) -> (&'static str, Value) {
    use serde_json::json;
    let turns = json!([{"role": "user", "content": "Say hello, né 今."}]);
    match (vendor, stream) {
        (Vendor::OpenAi, _) => (
            "/v1/chat/completions",
            json!({"model": "gpt-4o-mini", "messages": turns, "stream": stream,
                "stream_options": stream.then(|| json!({"include_usage": true}))}),
        ),
        (Vendor::Anthropic, _) => (
            "/v1/messages",
            json!({"model": "claude-haiku-4-5", "max_tokens": 200, "messages": turns, "stream": stream}),
        ),
        (Vendor::Gemini, false) => (
            "/v1beta/models/gemini-2.5-flash:generateContent",
            json!({"contents": [{"role": "user", "parts": [{"text": "Say hello, né 今."}]}]}),
        ),
        (Vendor::Gemini, true) => (
            "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
            json!({"contents": [{"role": "user", "parts": [{"text": "Say hello, né 今."}]}]}),
        ),
    }
}

/// The text of a whole or streamed answer of any dialect.
pub(crate) fn text_of(vendor: Vendor, answer: &Answer, stream: bool) -> String {
    let pick = |value: &Value| -> String {
        let found = match (vendor, stream) {
            (Vendor::OpenAi, false) => value.pointer("/choices/0/message/content"),
            (Vendor::OpenAi, true) => value.pointer("/choices/0/delta/content"),
            (Vendor::Anthropic, false) => value.pointer("/content/0/text"),
            (Vendor::Anthropic, true) => value.pointer("/delta/text"),
            (Vendor::Gemini, _) => value.pointer("/candidates/0/content/parts/0/text"),
        };
        found.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    if stream { answer.events().iter().map(pick).collect() } else { pick(&answer.json()) }
}

/// Prompt and output tokens as the answer tells them, cache buckets included; the last word of a stream counts.
pub(crate) fn usage_of(vendor: Vendor, answer: &Answer, stream: bool) -> Option<(u64, u64)> {
    let read = |value: &Value| -> Option<(u64, u64)> {
        let number = |pointer: &str| value.pointer(pointer).and_then(Value::as_u64);
        match vendor {
            Vendor::OpenAi => Some((number("/usage/prompt_tokens")?, number("/usage/completion_tokens")?)),
            Vendor::Anthropic => {
                let usage = value.get("usage").or_else(|| value.pointer("/message/usage"))?;
                let number = |name: &str| usage.get(name).and_then(Value::as_u64);
                let cached = number("cache_read_input_tokens")? + number("cache_creation_input_tokens")?;
                Some((number("input_tokens")? + cached, number("output_tokens")?))
            }
            Vendor::Gemini => {
                let thoughts = number("/usageMetadata/thoughtsTokenCount").unwrap_or(0);
                Some((
                    number("/usageMetadata/promptTokenCount")?,
                    number("/usageMetadata/candidatesTokenCount")? + thoughts,
                ))
            }
        }
    };
    if stream { answer.events().iter().filter_map(read).next_back() } else { read(&answer.json()) }
}
