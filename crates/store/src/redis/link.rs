//! One connection: commands go out as they come, answers come back in the same order. Nobody who stops waiting moves
//! that order: what was sent stays in line until its answer is there.

use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, split};
use tokio::sync::mpsc::{Receiver, WeakSender};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout_at};

use super::connect::{self, Stream};
use super::core::Core;
use super::health::{Pulse, Why};
use super::job::{Failure, Job, Purpose};
use super::options::Address;
use super::parts;
use super::places::KEEP_EVERY;
use super::plan::{Plan, Receipt};
use super::router::Router;
use super::wire::{self, Value};

/// How often a server is tried that could not be reached.
const RETRY: Duration = Duration::from_secs(1);

/// How often a connection is tried, when answers may not take longer. A server that stands still is given up at the next
/// one.
const PROBE: Duration = Duration::from_millis(400);

/// A connection on which so many probes in a row stay unanswered is closed.
const MAX_MISSED: u32 = 3;

/// The most bytes that wait to be sent.
const MAX_OUTPUT: usize = 4 << 20;

/// The most commands that go out before answers are looked at again.
const MAX_TOGETHER: usize = 64;

/// The most settlements that wait for a server to come back.
const MAX_BACKLOG: usize = 16_384;

/// The most of them that are sent again at a time, to a server that is there and did not take them.
const MAX_AGAIN: usize = 256;

/// The connection to one server, made again whenever it is lost.
pub(super) struct Link {
    address: Address,
    core: Arc<Core>,
    pulse: Arc<Pulse>,
    jobs: Receiver<Job>,
    queue: WeakSender<Job>,
    router: Weak<Router>,
    backlog: VecDeque<Job>,
    was_connected: bool,
}

/// Why a connection is over.
enum Ended {
    /// Nobody needs it any more.
    Finished,
    Broken(Why),
}

/// One connection while it lasts.
#[derive(Default)]
struct Line {
    input: BytesMut,
    output: BytesMut,
    /// What was sent, oldest first.
    sent: VecDeque<Sent>,
    /// Probes in a row that had no answer when the next was due.
    missed: u32,
    probing: bool,
    kept_at: Option<Instant>,
    /// When the server is asked again.
    re_entry: Option<Instant>,
    finishing: bool,
}

enum Sent {
    Probe(Instant),
    /// The answer to `ASKING` says nothing.
    Asking,
    Job(Job),
}

impl Link {
    pub(super) const fn new(
        address: Address,
        core: Arc<Core>,
        pulse: Arc<Pulse>,
        jobs: Receiver<Job>,
        queue: WeakSender<Job>,
        router: Weak<Router>,
    ) -> Self {
        Self { address, core, pulse, jobs, queue, router, backlog: VecDeque::new(), was_connected: false }
    }

    /// Runs until nobody needs the connection any more.
    pub(super) async fn run(mut self) {
        loop {
            let ended = match connect::connect(&self.address, &self.core.setup).await {
                Ok(connected) => {
                    self.core.is_cluster.store(connected.is_cluster, Relaxed);
                    self.serve(connected.stream).await
                }
                Err(why) => Ended::Broken(why),
            };
            let Ended::Broken(why) = ended else { return };
            self.core.give_up(&self.pulse, why);
            if let Ended::Finished = self.rest().await {
                return;
            }
        }
    }

    /// Until the server is tried again: nobody waits, settlements gather.
    async fn rest(&mut self) -> Ended {
        let until = Instant::now() + RETRY;
        while let Ok(job) = timeout_at(until, self.jobs.recv()).await {
            let Some(job) = job else { return Ended::Finished };
            self.keep_for_later(job);
        }
        Ended::Broken(Why::Closed)
    }

    async fn serve(&mut self, stream: Box<dyn Stream>) -> Ended {
        let (mut reader, mut writer) = split(stream);
        let mut line = self.begin();
        let mut beat = interval(PROBE.max(self.core.operation * 2));
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let ended = loop {
            let re_entry = line.re_entry;
            tokio::select! {
                job = self.jobs.recv(), if !line.finishing => match job {
                    Some(job) => self.send_all(&mut line, job),
                    None => line.finishing = true,
                },
                wrote = writer.write_buf(&mut line.output), if !line.output.is_empty() => {
                    if !matches!(wrote, Ok(bytes) if bytes > 0) {
                        break Ended::Broken(Why::Closed);
                    }
                }
                got = reader.read_buf(&mut line.input) => {
                    let heard = if matches!(got, Ok(bytes) if bytes > 0) { self.hear(&mut line) } else { Err(Why::Closed) };
                    if let Err(why) = heard {
                        break Ended::Broken(why);
                    }
                }
                () = self.pulse.lost.notified() => line.release(),
                () = self.pulse.flushed.notified() => self.keep_places(&mut line),
                _ = beat.tick() => if let Err(why) = self.beat(&mut line) {
                    break Ended::Broken(why);
                },
                () = at(re_entry), if re_entry.is_some() => {
                    line.re_entry = None;
                    self.pulse.take_up();
                }
            }
            if line.finishing && line.output.is_empty() && !line.has_jobs() {
                break Ended::Finished;
            }
        };
        self.end(line, ended)
    }

    /// The first connection is used at once; later ones when it is this node's turn to come back.
    fn begin(&mut self) -> Line {
        let mut line = Line::default();
        if self.was_connected {
            line.re_entry = Some(Instant::now() + self.core.re_entry_in());
        } else {
            self.pulse.take_up();
        }
        self.was_connected = true;
        // Before anybody takes a place: a server that was started anew knows of none.
        self.keep_places(&mut line);
        for job in std::mem::take(&mut self.backlog) {
            self.send(&mut line, job);
        }
        line
    }

    /// What may be sent again is; nobody waits for the rest.
    fn end(&mut self, line: Line, ended: Ended) -> Ended {
        for sent in line.sent {
            if let Sent::Job(job) = sent {
                self.keep_for_later(job);
            }
        }
        if line.finishing { Ended::Finished } else { ended }
    }

    /// What came at the same time goes out together.
    fn send_all(&mut self, line: &mut Line, first: Job) {
        self.send(line, first);
        for _ in 1..MAX_TOGETHER {
            let Ok(job) = self.jobs.try_recv() else { return };
            self.send(line, job);
        }
    }

    fn send(&mut self, line: &mut Line, mut job: Job) {
        if line.output.len() > MAX_OUTPUT {
            return self.keep_for_later(job);
        }
        if self.pulse.is_given_up() {
            // It was asked just before. A sign of life and settlements go all the same.
            job.fail(Failure::GivenUp);
            if matches!(job.purpose, Purpose::Take(..)) {
                return;
            }
        }
        if job.asking {
            wire::write(&mut line.output, 1, std::iter::once(b"ASKING".as_slice()));
            line.sent.push_back(Sent::Asking);
        }
        job.command.write(job.by_text, &mut line.output);
        line.sent.push_back(Sent::Job(job));
    }

    /// Takes every answer that is there as a whole.
    fn hear(&mut self, line: &mut Line) -> Result<(), Why> {
        while let Some((answer, length)) = wire::read(&line.input).map_err(|_| Why::Malformed)? {
            let _ = line.input.split_to(length);
            match line.sent.pop_front().ok_or(Why::Malformed)? {
                Sent::Asking => {}
                Sent::Probe(at) => self.probed(line, at, &answer),
                Sent::Job(job) => self.answered(line, job, answer),
            }
        }
        Ok(())
    }

    fn answered(&mut self, line: &mut Line, job: Job, answer: Value) {
        if let Value::Error(error) = answer {
            return self.refused(line, job, error);
        }
        match job.purpose {
            Purpose::Take(waiting, plan) => self.deliver(waiting, answer, plan),
            Purpose::TakeBack => _ = self.core.counts.taken_back.fetch_add(1, Relaxed),
            Purpose::Give | Purpose::Leave | Purpose::Keep => {}
        }
    }

    /// An answer that nobody takes gives back what it counted.
    fn deliver(
        &self,
        waiting: Option<tokio::sync::oneshot::Sender<Result<Receipt, Failure>>>,
        answer: Value,
        plan: Plan,
    ) {
        let receipt = Receipt::new(answer, plan, self.queue.clone(), self.core.node.clone());
        if let Some(waiting) = waiting {
            let _ = waiting.send(Ok(receipt));
        }
    }

    /// Errors after which the command was not executed and can be sent in another way; others are told.
    fn refused(&mut self, line: &mut Line, mut job: Job, error: String) {
        if error.starts_with("NOSCRIPT") && !job.by_text {
            job.by_text = true;
            return self.send(line, job);
        }
        if !job.redirected
            && let Some(router) = self.router.upgrade()
            && let Some((handle, asking)) = router.redirected(&error, &self.address)
        {
            (job.redirected, job.asking) = (true, asking);
            if let Err(returned) = handle.queue.try_send(job) {
                self.not_taken(returned.into_inner(), error);
            }
            return;
        }
        self.not_taken(job, error);
    }

    /// What is settled of a part of the cluster that nobody has just now is sent again until somebody has it.
    fn not_taken(&mut self, job: Job, error: String) {
        if job.is_repeatable() && parts::is_about_a_part(&error) {
            return self.keep_for_later(job);
        }
        self.drop_job(job, Failure::Refused(error));
    }

    /// A server that is tried: whether it is as it should be.
    fn probed(&mut self, line: &mut Line, sent: Instant, answer: &Value) {
        (line.probing, line.missed) = (false, 0);
        let slow = if sent.elapsed() > self.core.operation { Err(Why::Slow) } else { Ok(()) };
        match connect::is_well(answer).and(slow) {
            Ok(()) if self.pulse.is_given_up() => {
                line.re_entry.get_or_insert_with(|| Instant::now() + self.core.re_entry_in());
            }
            Ok(()) => {}
            Err(why) => {
                line.re_entry = None;
                if self.pulse.badly(self.core.clock.monotonic()) {
                    self.core.give_up(&self.pulse, why);
                }
            }
        }
    }

    fn beat(&mut self, line: &mut Line) -> Result<(), Why> {
        if line.probing {
            line.missed += 1;
            line.re_entry = None;
            self.core.give_up(&self.pulse, Why::Slow);
            return if line.missed >= MAX_MISSED { Err(Why::Slow) } else { Ok(()) };
        }
        connect::write_probe(&mut line.output);
        line.sent.push_back(Sent::Probe(Instant::now()));
        line.probing = true;
        self.send_again(line);
        if line.kept_at.is_none_or(|at| at.elapsed() >= KEEP_EVERY) {
            self.keep_places(line);
        }
        Ok(())
    }

    /// What nobody took a moment ago.
    fn send_again(&mut self, line: &mut Line) {
        for _ in 0..self.backlog.len().min(MAX_AGAIN) {
            let Some(job) = self.backlog.pop_front() else { return };
            self.send(line, job);
        }
    }

    fn keep_places(&mut self, line: &mut Line) {
        line.kept_at = Some(Instant::now());
        for command in self.core.keep_places() {
            self.send(line, Job::keep(command));
        }
    }

    fn keep_for_later(&mut self, mut job: Job) {
        job.fail(Failure::Closed);
        if !job.is_repeatable() {
            return;
        }
        if self.backlog.len() >= MAX_BACKLOG {
            self.backlog.pop_front();
            self.core.counts.lost_settlements.fetch_add(1, Relaxed);
        }
        (job.redirected, job.asking) = (false, false);
        self.backlog.push_back(job);
    }

    fn drop_job(&self, mut job: Job, failure: Failure) {
        if job.is_repeatable() {
            self.core.counts.lost_settlements.fetch_add(1, Relaxed);
        }
        job.fail(failure);
    }
}

impl Line {
    /// Nobody waits any longer; the answers are still to come.
    fn release(&mut self) {
        for sent in &mut self.sent {
            if let Sent::Job(job) = sent {
                job.fail(Failure::GivenUp);
            }
        }
    }

    fn has_jobs(&self) -> bool {
        self.sent.iter().any(|sent| matches!(sent, Sent::Job(_)))
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
