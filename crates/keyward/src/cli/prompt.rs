//! Reading what must not be an argument: from a file, a pipe, or a terminal that does not echo.

use std::fs::File;
use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::path::Path;

use keyward_domain::secret::Secret;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::failure::Failure;

/// The longest secret that is read, in bytes.
const MAX_SECRET: u64 = 64 * 1024;

/// A secret: from the file when one is given, else typed at the terminal, else all of stdin.
pub fn secret(label: &str, file: Option<&Path>) -> Result<Secret, Failure> {
    text(label, file).map(|mut text| Secret::from(std::mem::take(&mut *text)))
}

/// The same as text that wipes itself, for what has to be compared or used twice.
pub fn text(label: &str, file: Option<&Path>) -> Result<Zeroizing<String>, Failure> {
    let text = match file {
        Some(path) => from_file(path)?,
        None if io::stdin().is_terminal() => typed(label)?,
        None => bounded(io::stdin().lock(), "stdin")?,
    };
    let trimmed = text.trim_end_matches(['\n', '\r']);
    if trimmed.is_empty() {
        return Err(Failure::usage(format!("no {label} was given")));
    }
    Ok(Zeroizing::new(trimmed.to_owned()))
}

/// A question with yes or no. An empty answer is the usual one; no is the answer of those who cannot be asked.
pub fn confirm(question: &str, usually: bool) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Ok(false);
    }
    ask(&format!("{question} {} ", if usually { "[Y/n]" } else { "[y/N]" }))?;
    let mut answer = String::new();
    io::stdin().lock().take(64).read_line(&mut answer)?;
    Ok(match answer.trim() {
        // The end of input is no answer at all.
        "" => usually && !answer.is_empty(),
        answer => matches!(answer, "y" | "Y" | "yes"),
    })
}

fn from_file(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let file = File::open(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    bounded(file, &path.display().to_string())
}

fn bounded(from: impl io::Read, what: &str) -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    let read = from.take(MAX_SECRET + 1).read_to_string(&mut text);
    let read = read.map_err(|error| Failure::usage(format!("{what} cannot be read: {error}")))?;
    if u64::try_from(read).is_ok_and(|read| read > MAX_SECRET) {
        return Err(Failure::usage(format!("{what} holds more than a secret: over {} KiB", MAX_SECRET / 1024)));
    }
    Ok(text)
}

fn typed(label: &str) -> Result<Zeroizing<String>, Failure> {
    ask(&format!("{label}: "))?;
    let silence = Silence::begin()?;
    let mut text = Zeroizing::new(String::new());
    let read = io::stdin().lock().take(MAX_SECRET).read_line(&mut text);
    drop(silence);
    ask("\n")?;
    read?;
    Ok(text)
}

fn ask(question: &str) -> io::Result<()> {
    let mut stderr = io::stderr().lock();
    stderr.write_all(question.as_bytes())?;
    stderr.flush()
}

/// The terminal does not echo while this lives.
struct Silence(rustix::termios::Termios);

impl Silence {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Now, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // A terminal that went away needs no echo back.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}
