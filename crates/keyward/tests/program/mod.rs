//! The program under test: a home of its own, an environment of its own, and everything that it ever printed. Shared by
//! the tests of its front door and those against the scripted provider.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// For a start, a stop or a command; none takes longer than a fraction of it.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A home that is removed with the test.
pub struct Scene {
    folder: TempDir,
    variables: Vec<(String, String)>,
    /// Everything that commands printed until now, by command line.
    pub printed: Mutex<Vec<(String, Vec<u8>)>>,
}

/// How a command ended.
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// A running server; killed when dropped.
pub struct Served {
    pub child: Child,
    log: PathBuf,
    pub data: SocketAddr,
    pub admin: SocketAddr,
}

impl Scene {
    /// A place without an installation.
    pub fn empty() -> Self {
        let scene = Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new(), printed: Mutex::default() };
        std::fs::create_dir(scene.path("logs")).unwrap();
        scene
    }

    /// A place where `init` ran.
    pub fn founded() -> Self {
        let scene = Self::empty();
        scene.run(&["init", "--yes", "--no-discovery"]).succeeded();
        scene
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
        let mut child = self.begin(arguments, Stdio::piped());
        // A program that refuses its arguments does not read its input.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        self.end(arguments, child)
    }

    /// Begins a command with this as its standard input.
    pub fn begin(&self, arguments: &[&str], stdin: Stdio) -> Child {
        let mut command = self.command(arguments);
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Waits for the end of a command, not for ever.
    pub fn end(&self, arguments: &[&str], child: Child) -> Ended {
        let pid = Pid::from_child(&child);
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || tell.send(child.wait_with_output()));
        let Ok(ended) = told.recv_timeout(PATIENCE) else {
            let _ = kill_process(pid, Signal::KILL);
            panic!("`keyward {}` does not end", arguments.join(" "));
        };
        let ended = ended.unwrap();
        let both = [ended.stdout.as_slice(), &ended.stderr].concat();
        self.printed.lock().unwrap().push((format!("keyward {}", arguments.join(" ")), both));
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
