//! A terminal with somebody at it, for commands that ask.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// A terminal whose other end the test holds.
pub struct Terminal(File);

impl Terminal {
    pub fn new() -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        Self(File::from(ours))
    }

    /// What a command gets as its standard input.
    pub fn stdin(&self) -> Stdio {
        let name = ptsname(&self.0, Vec::new()).unwrap();
        let theirs = OpenOptions::new().read(true).write(true).open(OsStr::from_bytes(name.as_bytes())).unwrap();
        Stdio::from(theirs)
    }

    /// Types this and presses return. The terminal keeps it until the command asks.
    pub fn types(&mut self, text: &str) {
        self.0.write_all(format!("{text}\n").as_bytes()).unwrap();
    }
}
