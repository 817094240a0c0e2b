//! Processes under measurement: started on a core, accounted through `/proc`, ended with us.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::http;

/// `/proc/PID/stat` counts CPU time in these; Linux has shown 100 a second to programs on every architecture we run on.
const TICKS_PER_SECOND: f64 = 100.0;
const START_LIMIT: Duration = Duration::from_secs(15);
const STOP_LIMIT: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(20);

/// The gateway has a core to itself; upstream and load generator share the other.
#[derive(Clone, Copy)]
pub enum Core {
    Gateway,
    Load,
}

pub struct Running {
    name: &'static str,
    child: Child,
}

impl Core {
    /// The same command, bound to this core.
    pub fn pin(self, command: &mut Command) -> &mut Command {
        let core = match self {
            Self::Gateway => "0",
            Self::Load => "1",
        };
        let mut pinned = Command::new("taskset");
        pinned.args(["--cpu-list", core]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                pinned.env(name, value);
            }
        }
        *command = pinned;
        command
    }
}

impl Running {
    pub fn start(name: &'static str, core: Core, command: &mut Command) -> anyhow::Result<Self> {
        let child = core.pin(command).spawn().with_context(|| format!("start {name}"))?;
        Ok(Self { name, child })
    }

    /// Waits until the process accepts connections on `address`.
    pub fn wait_for(&self, address: SocketAddr) -> anyhow::Result<()> {
        let start = Instant::now();
        while !http::is_listening(address) {
            if start.elapsed() > START_LIMIT {
                bail!("{} does not listen on {address}", self.name);
            }
            pause(POLL);
        }
        Ok(())
    }

    /// CPU time of the process and its descendants so far, user and system.
    pub fn cpu_seconds(&self) -> f64 {
        self.family().iter().filter_map(|pid| stat(*pid)).map(|stat| stat.cpu_seconds).sum()
    }

    /// Resident memory of the process and its descendants.
    pub fn rss_mib(&self) -> f64 {
        let kib: u64 = self.family().iter().filter_map(|pid| rss_kib(*pid)).sum();
        mib(kib * 1024)
    }

    fn family(&self) -> Vec<u32> {
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for pid in all_pids() {
            if let Some(stat) = stat(pid) {
                children.entry(stat.parent).or_default().push(pid);
            }
        }
        let mut family = vec![self.child.id()];
        let mut at = 0;
        while let Some(pid) = family.get(at) {
            family.extend(children.get(pid).into_iter().flatten().copied().collect::<Vec<_>>());
            at += 1;
        }
        family
    }
}

impl Drop for Running {
    /// Asks first, so that nginx takes its worker along.
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let start = Instant::now();
        while start.elapsed() < STOP_LIMIT && matches!(self.child.try_wait(), Ok(None)) {
            pause(POLL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(clippy::cast_precision_loss, reason = "sizes of processes and files are far below 2^52 bytes")]
pub fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

#[expect(clippy::disallowed_methods, reason = "waits for another program, which has no event for us")]
pub fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

struct Stat {
    parent: u32,
    cpu_seconds: f64,
}

/// Fields 4 (parent) and 14 to 17 (own and reaped children's user and system time) of `/proc/PID/stat`.
fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = text.rsplit_once(") ")?;
    let fields: Vec<&str> = after_name.split(' ').collect();
    let ticks: u32 = fields.get(11..15)?.iter().filter_map(|field| field.parse::<u32>().ok()).sum();
    Some(Stat { parent: fields.get(1)?.parse().ok()?, cpu_seconds: f64::from(ticks) / TICKS_PER_SECOND })
}

fn rss_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

fn all_pids() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}
