//! The program under test, in a home of its own and with an environment of its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A home that is removed with the test.
pub struct Scene {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

/// How the program ended.
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Scene {
    /// A place without an installation.
    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    /// A place where `init` ran.
    pub fn founded() -> Self {
        let scene = Self::empty();
        scene.run(&["init", "--yes", "--no-discovery"]).succeeded();
        scene
    }

    /// A place where `init` ran and the sandbox is ready; gives a virtual key's token.
    pub fn with_sandbox() -> (Self, String) {
        let scene = Self::founded();
        scene.run_with(&["key", "add", "sandbox", "--name", "primary"], "sandbox-key-one").succeeded();
        let created = scene.json(&["vkey", "create", "app"]);
        (scene, created["token"].as_str().unwrap().to_owned())
    }

    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A folder beside the home, for files of the test.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// Writes the installation's config file.
    pub fn config(&self, text: &str) {
        std::fs::write(self.home().join("keyward.yaml"), text).unwrap();
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keyward"));
        command.args(arguments).env_clear().env("KEYWARD_HOME", self.home()).current_dir(self.folder.path());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, "")
    }

    pub fn run_with(&self, arguments: &[&str], stdin: &str) -> Ended {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A program that refuses its arguments does not read its input.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let ended = child.wait_with_output().unwrap();
        Ended {
            code: ended.status.code().unwrap_or(-1),
            stdout: String::from_utf8(ended.stdout).unwrap(),
            stderr: String::from_utf8(ended.stderr).unwrap(),
        }
    }

    /// Runs a command that has to succeed, for its JSON.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let all: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        let ended = self.run(&all).succeeded();
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.stdout))
    }

    /// Starts a server on ports of its own choice, without a terminal, and waits until it is ready.
    pub fn serve(&self) -> Served {
        let mut command = self.command(&["serve", "--json"]);
        command.env("KEYWARD_LISTEN__DATA", "127.0.0.1:0").env("KEYWARD_LISTEN__ADMIN", "127.0.0.1:0");
        command.env("KEYWARD_WORKERS", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|_| {
            let mut stderr = String::new();
            let _ = child.stderr.take().unwrap().read_to_string(&mut stderr);
            panic!("the server did not start: {line}{stderr}")
        });
        let address = |name: &str| ready[name].as_str().unwrap().parse().unwrap();
        Served { child, data: address("data"), admin: address("admin") }
    }
}

impl Ended {
    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        self
    }

    pub fn failed_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        self
    }

    /// Everything that was printed.
    pub fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// A running server; killed when dropped.
pub struct Served {
    child: Child,
    pub data: SocketAddr,
    pub admin: SocketAddr,
}

impl Served {
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Asks it to end, and gives the exit code and what it logged.
    pub fn stop(mut self) -> (i32, String) {
        self.signal(rustix::process::Signal::TERM);
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap().code().unwrap_or(-1), log)
    }

    /// Ends it without a warning.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
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

/// Every file below a folder with its content.
pub fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if path.is_file() {
            let content = std::fs::read(&path).unwrap();
            all.push((path, content));
        }
    }
    all.sort();
    all
}
