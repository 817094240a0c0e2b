//! `cargo xtask bench`: Keyward beside nginx, in one run, on one core each way (method: bench/README.md).

mod bare;
mod bodies;
mod http;
mod keyward;
mod load;
mod nginx;
mod process;
mod subject;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use serde::Serialize;

use crate::cargo::cargo;
use crate::{command, machine, tree};
use bodies::Work;
use load::{Closed, Loader, Rate};
use process::{Core, Running};
use subject::Subject;
use table::Table;

#[derive(clap::Args)]
pub struct Args {
    /// One short round: about a minute, rough figures.
    #[arg(long)]
    quick: bool,
    /// Only nginx and the bare proxy: what this machine can do, and how steadily.
    #[arg(long)]
    yardsticks: bool,
    /// Rounds; the figures are medians over them.
    #[arg(long)]
    rounds: Option<u32>,
    /// Only these kinds of work, by name, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',')]
    work: Vec<Work>,
}

/// The requests per second at which latency is compared.
const LATENCY_RATE: u32 = 2000;

/// Everything measured about one subject in one round.
#[derive(Default, Serialize)]
pub struct Round {
    pub subject: &'static str,
    pub plain: Option<Closed>,
    pub stream: Option<Closed>,
    pub paced: Option<Closed>,
    pub large: Option<Closed>,
    pub rate2000: Option<Rate>,
    pub rss_idle_mib: f64,
}

#[derive(Serialize)]
struct Report {
    commit: String,
    processor: String,
    /// Nanoseconds per step of a fixed loop on the gateway's core, once before each round.
    calibration: Vec<serde_json::Value>,
    binary_mib: Option<f64>,
    rounds: Vec<Round>,
    table: Table,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    machine::prepare(&machine::FOR_BENCH)?;
    let tools = build_tools()?;
    let binary = if args.yardsticks { None } else { Some(build_keyward()?) };
    let scratch = fresh_folder(&tree::target().join("bench"))?;
    let bodies = bodies::write(&scratch)?;
    let loader = Loader::new(&tools, bodies, args.quick);

    let mock = start_mock(&tools)?;
    let mut subjects = vec![nginx::start(&scratch)?, bare::start(&tools)?];
    if let Some(binary) = &binary {
        subjects.push(keyward::start(binary, &scratch)?);
        subjects.push(keyward::start_counting(binary, &scratch)?);
    }
    let direct = Subject::without_gateway();
    for subject in &subjects {
        subject.check(&loader)?;
    }

    let mut report = Report::new(binary.as_deref())?;
    for round in 1..=args.rounds() {
        report.calibration.push(calibrate(&tools)?);
        eprintln!("round {round} of {}", args.rounds());
        report.rounds.extend(measure(&subjects, &direct, &loader, &args.work())?);
    }
    report.table = Table::new(&report.rounds, report.binary_mib);
    let arrived = subjects.iter().find(|subject| subject.name == keyward::NAME).map(Subject::upstream_requests);
    drop((subjects, mock));
    publish(&report)?;
    match (binary, arrived) {
        (Some(binary), Some(arrived)) => audit(arrived, keyward::ledger_attempts(&binary, &scratch)?),
        _ => Ok(()),
    }
}

impl Args {
    fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(if self.quick { 1 } else { 3 })
    }

    fn work(&self) -> Vec<Work> {
        if self.work.is_empty() { Work::ALL.to_vec() } else { self.work.clone() }
    }
}

/// One round: each kind of work on each subject in turn, so that a machine that slows down slows all of them.
fn measure(subjects: &[Subject], direct: &Subject, loader: &Loader, work: &[Work]) -> anyhow::Result<Vec<Round>> {
    let mut rounds: Vec<Round> = subjects.iter().map(Subject::round).collect();
    for kind in [Work::Plain, Work::Stream, Work::Paced, Work::Large].into_iter().filter(|kind| work.contains(kind)) {
        for (subject, round) in subjects.iter().zip(&mut rounds).filter(|(subject, _)| subject.does(kind)) {
            let closed =
                loader.closed(subject, kind).with_context(|| format!("{} on {}", kind.name(), subject.name))?;
            eprintln!("  {:<8} {:<8} {}", kind.name(), subject.name, closed);
            round.set(kind, closed);
        }
    }
    if work.contains(&Work::Rate2000) {
        rounds.push(direct.round());
        let rated = subjects.iter().chain([direct]).zip(&mut rounds);
        for (subject, round) in rated.filter(|(subject, _)| subject.does(Work::Rate2000)) {
            let rate = loader.rate(subject, LATENCY_RATE).with_context(|| format!("rate on {}", subject.name))?;
            eprintln!("  {:<8} {:<8} {}", "rate2000", subject.name, rate);
            round.rate2000 = Some(rate);
        }
    }
    Ok(rounds)
}

impl Round {
    /// The most it weighed under any kind of load.
    pub fn rss_loaded_mib(&self) -> Option<f64> {
        let runs = [&self.plain, &self.stream, &self.paced, &self.large];
        runs.into_iter().flatten().map(|closed| closed.rss_mib).max_by(f64::total_cmp)
    }

    fn set(&mut self, kind: Work, closed: Closed) {
        match kind {
            Work::Plain => self.plain = Some(closed),
            Work::Stream => self.stream = Some(closed),
            Work::Paced => self.paced = Some(closed),
            Work::Large => self.large = Some(closed),
            Work::Rate2000 => {}
        }
    }
}

impl Report {
    fn new(binary: Option<&Path>) -> anyhow::Result<Self> {
        let commit =
            command::output(Command::new("git").args(["describe", "--always", "--dirty"]).current_dir(tree::root()));
        let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let bytes = binary.map(fs::metadata).transpose()?.map(|metadata| metadata.len());
        Ok(Self {
            commit: commit.unwrap_or_default().trim().to_owned(),
            processor: model.map_or("unknown", |(_, name)| name).to_owned(),
            calibration: Vec::new(),
            binary_mib: bytes.map(process::mib),
            rounds: Vec::new(),
            table: Table::default(),
        })
    }
}

/// Prints the table and keeps it with everything it was made from.
fn publish(report: &Report) -> anyhow::Result<()> {
    let text = format!(
        "{}\nMedians of {} round(s) on {}, commit {}.\n",
        report.table,
        report.calibration.len(),
        report.processor,
        report.commit
    );
    let folder = tree::root().join("bench/results");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("latest.json"), serde_json::to_string_pretty(report)?)?;
    fs::write(folder.join("latest.md"), &text)?;
    println!("\n{text}");
    Ok(())
}

/// Speed counts only if the books are right: nothing that the upstream served may be missing from the ledger. It may hold
/// a little more, attempts that ended before the upstream had read them.
fn audit(arrived: u64, attempts: u64) -> anyhow::Result<()> {
    println!("The upstream served {arrived} requests of Keyward; the ledger holds {attempts} attempts.");
    if attempts < arrived {
        bail!("{} requests are missing from the ledger", arrived - attempts);
    }
    Ok(())
}

fn build_tools() -> anyhow::Result<PathBuf> {
    command::run(cargo().args(["build", "--quiet", "--release", "--manifest-path", "bench/Cargo.toml"]))?;
    Ok(tree::root().join("bench/target/release"))
}

fn build_keyward() -> anyhow::Result<PathBuf> {
    command::run(cargo().args(["build", "--quiet", "--release", "--package", "keyward"]))?;
    Ok(tree::target().join("release/keyward"))
}

fn start_mock(tools: &Path) -> anyhow::Result<Running> {
    if http::is_listening(http::MOCK) {
        bail!("something already listens on {}, where the mock upstream must be", http::MOCK);
    }
    let mock = Running::start("mock", Core::Load, &mut Command::new(tools.join("mock")))?;
    mock.wait_for(http::MOCK)?;
    Ok(mock)
}

fn calibrate(tools: &Path) -> anyhow::Result<serde_json::Value> {
    let line = command::output(Core::Gateway.pin(&mut Command::new(tools.join("calib"))))?;
    Ok(serde_json::from_str(&line)?)
}

fn fresh_folder(path: &Path) -> anyhow::Result<PathBuf> {
    let _ = fs::remove_dir_all(path);
    fs::create_dir_all(path).with_context(|| format!("make {}", path.display()))?;
    Ok(path.to_owned())
}
