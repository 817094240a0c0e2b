//! The program under test: a home of its own, an environment of its own, and everything that it ever printed.

use std::cell::RefCell;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use keyward_testkit::provider::{ScriptedProvider, Vendor};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::line::Line;

/// For a start, a stop or a command; none takes longer than a fraction of it.
const PATIENCE: Duration = Duration::from_mins(1);

/// A home that is removed with the test.
pub struct Scene {
    folder: TempDir,
    variables: Vec<(String, String)>,
    printed: RefCell<Vec<(String, Vec<u8>)>>,
}

/// How a command ended.
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// A running server; killed when dropped.
pub struct Served {
    child: Child,
    log: PathBuf,
    pub data: SocketAddr,
    pub admin: SocketAddr,
}

impl Scene {
    /// A place without an installation.
    pub fn empty() -> Self {
        let scene = Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new(), printed: RefCell::default() };
        std::fs::create_dir(scene.path("logs")).unwrap();
        scene
    }

    /// A place where `init` ran.
    pub fn founded() -> Self {
        let scene = Self::empty();
        scene.run(&["init", "--yes", "--no-discovery"]).succeeded();
        scene
    }

    /// A founded place with one provider per vendor, all of them scripted, each with a good key called `main`.
    pub fn with_vendors(provider: &ScriptedProvider) -> Self {
        let scene = Self::founded();
        for vendor in Vendor::ALL {
            scene.add_provider(provider, vendor, vendor.name());
            scene
                .run_with(&["key", "add", vendor.name(), "--name", "main"], &provider.add_key(vendor, "main"))
                .succeeded();
        }
        scene
    }

    /// Adds the scripted provider under this name.
    pub fn add_provider(&self, provider: &ScriptedProvider, vendor: Vendor, name: &str) {
        self.run(&["provider", "add", vendor.name(), "--as", name, "--base-url", &base_url(provider, vendor)])
            .succeeded();
    }

    /// Makes a virtual key and gives its token.
    pub fn vkey(&self, arguments: &[&str]) -> String {
        let created = self.json(&[&["vkey", "create"], arguments].concat());
        created["token"].as_str().unwrap().to_owned()
    }

    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A file of the test, beside the home.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn home(&self) -> PathBuf {
        self.path("home")
    }

    pub fn admin_token(&self) -> String {
        std::fs::read_to_string(self.home().join("admin.token")).unwrap().trim().to_owned()
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

    /// Runs a command to its end with this text on its standard input.
    pub fn run_with(&self, arguments: &[&str], stdin: &str) -> Ended {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A program that refuses its arguments does not read its input.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let pid = Pid::from_child(&child);
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || tell.send(child.wait_with_output()));
        let Ok(ended) = told.recv_timeout(PATIENCE) else {
            let _ = kill_process(pid, Signal::KILL);
            panic!("`keyward {}` does not end", arguments.join(" "));
        };
        let ended = ended.unwrap();
        let both = [ended.stdout.as_slice(), &ended.stderr].concat();
        self.printed.borrow_mut().push((format!("keyward {}", arguments.join(" ")), both));
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

    /// Everything that commands printed until now, by command line.
    pub fn printed(&self) -> Vec<(String, Vec<u8>)> {
        self.printed.borrow().clone()
    }

    /// Everything that servers printed until now, by file.
    pub fn logs(&self) -> Vec<(PathBuf, Vec<u8>)> {
        files(&self.path("logs"))
    }

    /// Starts a server on ports of its own choice and waits until it is ready.
    pub fn serve(&self) -> Served {
        let log = self.path(&format!("logs/{}.log", files(&self.path("logs")).len()));
        let mut command = self.command(&["serve", "--json"]);
        command.env("KEYWARD_LISTEN__DATA", "127.0.0.1:0").env("KEYWARD_LISTEN__ADMIN", "127.0.0.1:0");
        command.env("KEYWARD_WORKERS", "2");
        // A file takes any amount of trace lines; a pipe that nobody empties would stop the server.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = stdout.read_line(&mut line);
            tell.send(line)
        });
        let line = told.recv_timeout(PATIENCE).unwrap_or_default();
        let Ok(ready) = serde_json::from_str::<Value>(&line) else {
            let _ = child.kill();
            let _ = child.wait();
            panic!("the server did not start: {line}{}", std::fs::read_to_string(&log).unwrap());
        };
        let address = |name: &str| ready[name].as_str().unwrap().parse().unwrap();
        Served { child, log, data: address("data"), admin: address("admin") }
    }

    /// Every call in the ledger and the request log, by way of a running server.
    pub fn calls(&self, server: &Served) -> Vec<Value> {
        let bearer = format!("Bearer {}", self.admin_token());
        let mut line = Line::to(server.admin);
        let (mut calls, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = line.get(&format!("/api/v1/requests?limit=500{cursor}"), &[("authorization", &bearer)]);
            assert_eq!(page.status, 200, "{}", page.text());
            let page = page.json();
            calls.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return calls,
            }
        }
    }
}

impl Ended {
    #[track_caller]
    pub fn succeeded(self) -> Self {
        self.ended_with(0)
    }

    #[track_caller]
    pub fn ended_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        self
    }
}

impl Served {
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Asks it to end, and gives how it ended and what it logged.
    pub fn stop(mut self) -> (ExitStatus, String) {
        kill_process(self.pid(), Signal::TERM).unwrap();
        (self.wait(), std::fs::read_to_string(&self.log).unwrap())
    }

    /// Ends it without a warning.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end, not for ever.
    fn wait(&mut self) -> ExitStatus {
        let (pid, (tell, told)) = (self.pid(), mpsc::channel::<()>());
        let watch = std::thread::spawn(move || {
            if told.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                let _ = kill_process(pid, Signal::KILL);
            }
        });
        let ended = self.child.wait().unwrap();
        drop(tell);
        watch.join().unwrap();
        ended
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where Keyward finds this vendor at the scripted provider.
pub fn base_url(provider: &ScriptedProvider, vendor: Vendor) -> String {
    if vendor == Vendor::OpenAi { format!("{}/v1", provider.url()) } else { provider.url() }
}

/// Waits for something that the scripted provider knows, not for ever.
pub fn wait_for(what: &str, event: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let waited = runtime.block_on(async { tokio::time::timeout(PATIENCE, event).await });
    assert!(waited.is_ok(), "waited in vain for {what}");
}

/// Every file below a folder with its content.
pub fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if path.is_file()
            && let Ok(content) = std::fs::read(&path)
        {
            // A journal may be gone between the list and the look.
            all.push((path, content));
        }
    }
    all.sort();
    all
}
