//! One question to the server, and what its answer means.

use keyward_domain::port::{Ask, Mark, Part};
use tokio::sync::mpsc::WeakSender;

use super::job::Job;
use super::limits::{self, End};
use super::script::{Command, Script};
use super::wire::{Malformed, Value};

/// How long the server remembers that something was settled: longer than anybody tries again.
const GUARD_MS: u64 = 900_000;

/// What one call asks one server.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// In the order of the script's keys.
    pub(super) asks: Vec<Ask>,
    /// Which of this node's calls.
    pub(super) call: u64,
}

/// What a server answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) verdict: Verdict,
    /// Counters that were begun anew.
    pub(super) resets: u64,
    /// The epoch of each tag, in the order of [`Plan::tags`].
    pub(super) epochs: Vec<String>,
}

/// Whether the call is counted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is.
    Counted(Vec<Part>),
    /// The ask of this index has room after so many microseconds.
    Refused(usize, u64),
}

/// An answer on its way to who waits for it. When nobody takes it, what it counted is given back.
pub(super) struct Receipt {
    answer: Option<(Value, Plan)>,
    queue: WeakSender<Job>,
    node: String,
}

/// How this node writes its calls: places and guards carry it, so that no two nodes mean the same.
pub(super) fn name(node: &str, call: u64) -> String {
    format!("{node}:{call}")
}

impl Plan {
    /// The tags of all asks, each once.
    pub(super) fn tags(&self) -> Vec<String> {
        let mut tags: Vec<String> = self.asks.iter().map(|ask| limits::tag(&ask.limit)).collect();
        tags.sort_unstable();
        tags.dedup();
        tags
    }

    /// The question; `epoch` is set where there is none.
    pub(super) fn command(&self, node: &str, epoch: &str) -> Command {
        let keys = self.asks.iter().map(|ask| limits::key(&ask.limit, &ask.scope));
        let epochs = self.tags().into_iter().map(|tag| format!("{tag}:epoch"));
        let head = [self.asks.len().to_string(), epoch.to_owned(), name(node, self.call)];
        Command {
            script: Script::Take,
            keys: keys.chain(epochs).collect(),
            args: head.into_iter().chain(self.asks.iter().flat_map(limits::take)).collect(),
        }
    }

    /// What the answer means.
    pub(super) fn outcome(self, answer: Value) -> Result<Outcome, Malformed> {
        let Value::List(values) = answer else { return Err(Malformed) };
        let mut values = values.into_iter();
        let mut number = || match values.next() {
            Some(Value::Number(number)) => u64::try_from(number).map_err(|_| Malformed),
            _ => Err(Malformed),
        };
        let (counted, refused, wait, resets) = (number()?, number()?, number()?, number()?);
        let verdict = if counted == 1 {
            let mut parts = Vec::with_capacity(self.asks.len());
            for ask in self.asks {
                let (would_refuse, used, free, noted) = (number()? == 1, number()?, number()?, number()?);
                let mark = if would_refuse { Mark::Nowhere } else { Mark::Shared { noted, call: self.call } };
                let level = limits::level(&ask, used, free);
                parts.push(Part { ask, mark, level, would_refuse });
            }
            Verdict::Counted(parts)
        } else {
            let index = usize::try_from(refused).ok().and_then(|one| one.checked_sub(1));
            Verdict::Refused(index.filter(|index| *index < self.asks.len()).ok_or(Malformed)?, wait)
        };
        let epochs = values.map(|value| match value {
            Value::Text(text) => Ok(text),
            _ => Err(Malformed),
        });
        Ok(Outcome { verdict, resets, epochs: epochs.collect::<Result<_, _>>()? })
    }
}

/// What settles or undoes these parts of one call and one server; nothing when nothing changes.
pub(super) fn give<'a>(node: &str, parts: impl Iterator<Item = &'a Part>, end: End) -> Option<Command> {
    let mut command = Command { script: Script::Give, keys: Vec::new(), args: Vec::new() };
    let mut guard = None;
    for part in parts {
        let (Some(arguments), Mark::Shared { call, .. }) = (limits::give(part, end), part.mark) else { continue };
        if guard.is_none() {
            guard = Some(format!("{}:given:{}", limits::tag(&part.ask.limit), name(node, call)));
            command.args.extend([GUARD_MS.to_string(), name(node, call)]);
        }
        command.keys.push(limits::key(&part.ask.limit, &part.ask.scope));
        command.args.extend(arguments);
    }
    command.keys.push(guard?);
    Some(command)
}

impl Receipt {
    pub(super) fn new(answer: Value, plan: Plan, queue: WeakSender<Job>, node: String) -> Self {
        Self { answer: Some((answer, plan)), queue, node }
    }

    /// Takes the answer: from here on it is the caller's to give back.
    pub(super) fn open(mut self) -> Result<Outcome, Malformed> {
        let (answer, plan) = self.answer.take().ok_or(Malformed)?;
        plan.outcome(answer)
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        let Some((answer, plan)) = self.answer.take() else { return };
        let Ok(Outcome { verdict: Verdict::Counted(parts), .. }) = plan.outcome(answer) else { return };
        let undo = give(&self.node, parts.iter(), End::Undone);
        if let (Some(command), Some(queue)) = (undo, self.queue.upgrade()) {
            let _ = queue.try_send(Job::give_back(command));
        }
    }
}
