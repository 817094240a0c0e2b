//! One request and its whole answer on a kept connection.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::clock;

const READ_TIMEOUT: Duration = Duration::from_secs(20);
const FIRST_BUFFER_BYTES: usize = 128 * 1024;
const LEAST_ROOM_BYTES: usize = 32 * 1024;

pub struct Connection<'a> {
    address: &'a str,
    socket: Option<TcpStream>,
    buffer: Vec<u8>,
}

pub struct Answer {
    pub status: u16,
    /// Monotonic nanoseconds of the first body byte.
    pub first_byte: i64,
    /// Longest silence between two reads, in nanoseconds.
    pub longest_gap: i64,
    pub reads: u64,
}

/// How the end of a body is known.
#[derive(Clone, Copy)]
enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

struct Head {
    bytes: usize,
    status: u16,
    framing: Framing,
    close: bool,
}

impl<'a> Connection<'a> {
    pub fn new(address: &'a str) -> Self {
        Self { address, socket: None, buffer: vec![0; FIRST_BUFFER_BYTES] }
    }

    /// A connection that failed is dropped; the next exchange opens a new one.
    pub fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        let mut socket = match self.socket.take() {
            Some(socket) => socket,
            None => connect(self.address)?,
        };
        socket.write_all(request)?;
        let (answer, close) = read_answer(&mut socket, &mut self.buffer)?;
        if !close {
            self.socket = Some(socket);
        }
        Ok(answer)
    }
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(READ_TIMEOUT))?;
    Ok(socket)
}

fn read_answer(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<(Answer, bool)> {
    let mut filled = 0;
    let mut head = None;
    let mut last_read = None;
    let mut answer = Answer { status: 0, first_byte: 0, longest_gap: 0, reads: 0 };
    loop {
        if buffer.len() - filled < LEAST_ROOM_BYTES {
            buffer.resize(buffer.len() * 2, 0);
        }
        let read = socket.read(&mut buffer[filled..])?;
        if read == 0 {
            return match head {
                Some(Head { framing: Framing::UntilClose, .. }) => Ok((answer, true)),
                _ => Err(io::ErrorKind::UnexpectedEof.into()),
            };
        }
        filled += read;
        let moment = clock::now();
        answer.longest_gap = answer.longest_gap.max(last_read.map_or(0, |last| moment - last));
        answer.reads += 1;
        last_read = Some(moment);

        if head.is_none() {
            head = parse_head(&buffer[..filled]);
        }
        let Some(head) = &head else { continue };
        answer.status = head.status;
        if answer.first_byte == 0 && filled > head.bytes {
            answer.first_byte = moment;
        }
        if is_complete(head, &buffer[..filled]) {
            return Ok((answer, head.close));
        }
    }
}

fn parse_head(bytes: &[u8]) -> Option<Head> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let text = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let mut framing = Framing::UntilClose;
    let mut close = false;
    for line in text.lines() {
        if let Some(length) = line.strip_prefix("content-length:").and_then(|value| value.trim().parse().ok()) {
            framing = Framing::Length(length);
        } else if line.starts_with("transfer-encoding:") && line.contains("chunked") {
            framing = Framing::Chunked;
        } else if line.starts_with("connection:") {
            close = line.contains("close");
        }
    }
    Some(Head { bytes: end + 4, status, framing, close })
}

fn is_complete(head: &Head, bytes: &[u8]) -> bool {
    let body = &bytes[head.bytes..];
    match head.framing {
        Framing::Length(length) => body.len() >= length,
        Framing::Chunked => body == b"0\r\n\r\n" || body.ends_with(b"\r\n0\r\n\r\n"),
        Framing::UntilClose => false,
    }
}
