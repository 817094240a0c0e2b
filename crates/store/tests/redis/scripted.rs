//! A server of a cluster that says what the test wants.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

pub struct Scripted {
    pub port: u16,
    heard: Arc<Mutex<Vec<Vec<String>>>>,
    _running: JoinSet<()>,
}

/// What to say to a script call, given how many came before.
type Say = Arc<dyn Fn(usize) -> String + Send + Sync>;

impl Scripted {
    pub async fn saying(say: impl Fn(usize) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::default();
        let mut running = JoinSet::new();
        running.spawn(accept(listener, Arc::new(say), Arc::clone(&heard)));
        Self { port, heard, _running: running }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Script calls and `ASKING`, by their first word.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().iter().map(|words| words[0].clone()).collect()
    }
}

async fn accept(listener: TcpListener, say: Say, heard: Arc<Mutex<Vec<Vec<String>>>>) {
    let mut running = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        running.spawn(serve(stream, Arc::clone(&say), Arc::clone(&heard)));
    }
}

async fn serve(stream: TcpStream, say: Say, heard: Arc<Mutex<Vec<Vec<String>>>>) {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    while let Some(words) = command(&mut reader).await {
        let answer = match words[0].as_str() {
            // Whether it is a cluster.
            "EVAL" if words[1] == "return 0" => "-CROSSSLOT Keys in request don't hash to the same slot\r\n".to_owned(),
            "EVALSHA" | "EVAL" => {
                let mut heard = heard.lock().unwrap();
                let before = heard.iter().filter(|words| words[0] != "ASKING").count();
                heard.push(words);
                say(before)
            }
            "ASKING" => {
                heard.lock().unwrap().push(words);
                "+OK\r\n".to_owned()
            }
            _ => "+OK\r\n".to_owned(),
        };
        if writer.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn command(reader: &mut BufReader<tokio::net::tcp::OwnedReadHalf>) -> Option<Vec<String>> {
    let mut line = String::new();
    reader.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
    let count: usize = line.trim_end().strip_prefix('*')?.parse().ok()?;
    let mut words = Vec::new();
    for _ in 0..count {
        line.clear();
        reader.read_line(&mut line).await.ok()?;
        let mut text = vec![0; line.trim_end().strip_prefix('$')?.parse::<usize>().ok()? + 2];
        reader.read_exact(&mut text).await.ok()?;
        words.push(String::from_utf8_lossy(&text[..text.len() - 2]).into_owned());
    }
    Some(words)
}
