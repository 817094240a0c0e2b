//! Constant-rate HTTP/1.1 POST load whose latencies hide nothing.
//!
//! One blocking thread per connection; thread `i` sends its `k`-th request at `start + (i + k * conns) / rate`. `lat`
//! counts from that intended moment, so a stall counts against every request it delays; `svc` counts from the actual
//! send, `ttfb` from the actual send to the first body byte; `gap` is the longest silence inside one answer (for
//! streams: how smoothly events arrive). Prints one JSON line, times in microseconds.

mod clock;
mod exchange;
mod report;

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use clap::Parser;

use clock::NANOS_PER_SECOND;
use exchange::Connection;
use report::Samples;

#[derive(Parser)]
struct Args {
    /// `http://HOST:PORT/PATH`
    #[arg(long)]
    url: String,
    /// Requests per second over all connections.
    #[arg(long, default_value_t = 500)]
    rate: u32,
    #[arg(long, default_value_t = 32)]
    conns: u32,
    /// Seconds that count.
    #[arg(long, default_value_t = 10)]
    secs: u32,
    /// Seconds before those.
    #[arg(long, default_value_t = 2)]
    warmup: u32,
    /// `Name: value`, as often as needed.
    #[arg(long)]
    header: Vec<String>,
    #[arg(long)]
    body_file: PathBuf,
}

/// When requests are due. All times are nanoseconds of the monotonic clock.
#[derive(Clone, Copy)]
struct Schedule {
    start: i64,
    counted_from: i64,
    end: i64,
    rate: i64,
    conns: i64,
}

/// From the start of the process to the first request, so that all threads are ready.
const LEAD_NS: i64 = NANOS_PER_SECOND / 10;
const STACK_BYTES: usize = 256 * 1024;

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let (address, request) = request(&args)?;
    let schedule = Schedule::new(&args);
    let samples = std::thread::scope(|scope| {
        let (address, request) = (&address, &request);
        let threads: Vec<_> = (0..i64::from(args.conns))
            .map(|index| {
                std::thread::Builder::new()
                    .stack_size(STACK_BYTES)
                    .spawn_scoped(scope, move || send_all(schedule, index, Connection::new(address), request))
            })
            .collect::<Result<_, _>>()?;
        let mut all = Samples::default();
        for thread in threads {
            all.merge(thread.join().map_err(|_| anyhow!("a sender died"))?);
        }
        anyhow::Ok(all)
    })?;
    println!("{}", serde_json::to_string(&samples.report(args.rate, args.secs))?);
    Ok(())
}

impl Schedule {
    fn new(args: &Args) -> Self {
        let start = clock::now() + LEAD_NS;
        let counted_from = start + i64::from(args.warmup) * NANOS_PER_SECOND;
        let end = counted_from + i64::from(args.secs) * NANOS_PER_SECOND;
        Self { start, counted_from, end, rate: i64::from(args.rate.max(1)), conns: i64::from(args.conns) }
    }

    fn due(&self, thread: i64, k: i64) -> i64 {
        self.start + (thread + k * self.conns) * NANOS_PER_SECOND / self.rate
    }
}

fn send_all(schedule: Schedule, thread: i64, mut connection: Connection, request: &[u8]) -> Samples {
    clock::sharpen_this_threads_timer();
    let mut samples = Samples::default();
    for due in (0..).map(|k| schedule.due(thread, k)).take_while(|due| *due < schedule.end) {
        clock::sleep_until(due);
        let sent = clock::now();
        match connection.exchange(request) {
            Ok(answer) if answer.status == 200 => {
                if due >= schedule.counted_from {
                    samples.add(due, sent, clock::now(), &answer);
                }
            }
            _ => samples.errors += 1,
        }
    }
    samples
}

fn request(args: &Args) -> anyhow::Result<(String, Vec<u8>)> {
    let body = std::fs::read(&args.body_file).with_context(|| format!("read {}", args.body_file.display()))?;
    let (address, path) = args
        .url
        .strip_prefix("http://")
        .and_then(|rest| rest.split_once('/'))
        .ok_or_else(|| anyhow!("the URL must look like http://HOST:PORT/PATH"))?;
    let headers = args.header.iter().flat_map(|line| [line.as_str(), "\r\n"]).collect::<String>();
    let mut request = format!(
        "POST /{path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{headers}\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(&body);
    Ok((address.to_owned(), request))
}
