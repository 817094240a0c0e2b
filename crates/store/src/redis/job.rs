//! What a connection is asked to do.

use tokio::sync::oneshot;

use super::plan::{Plan, Receipt};
use super::script::Command;

/// A command, and who waits for its answer.
pub(super) struct Job {
    pub(super) command: Command,
    pub(super) purpose: Purpose,
    /// By its text: the server said that it does not know the script's name.
    pub(super) by_text: bool,
    /// Another server sent it here; nobody sends it on.
    pub(super) redirected: bool,
    /// The server takes it though the keys are still on their way there.
    pub(super) asking: bool,
}

/// What a command is for.
pub(super) enum Purpose {
    /// Somebody waits for the answer. Nobody does any more when the sender is gone; what was counted is given back then.
    Take(Option<oneshot::Sender<Result<Receipt, Failure>>>, Plan),
    /// A settlement: sent again after a lost connection, because it is done once whatever happens.
    Give,
    /// An answer that nobody waited for is given back: the same, but counted.
    TakeBack,
    /// A place that the server may have been told of is free. Not sent to a server that is away: it runs out there.
    Leave,
    /// A sign of life.
    Keep,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// It did not come in time.
    Timeout,
    /// The connection ended, or is not there.
    Closed,
    /// The server was given up meanwhile.
    GivenUp,
    /// The server answered with an error.
    Refused(String),
    /// What it answered is no answer.
    Malformed,
    /// It sent the question on to a server of its cluster that cannot be reached.
    Elsewhere,
}

impl Job {
    /// A question, and where its answer comes.
    pub(super) fn take(command: Command, plan: Plan) -> (Self, oneshot::Receiver<Result<Receipt, Failure>>) {
        let (to, from) = oneshot::channel();
        (Self::new(command, Purpose::Take(Some(to), plan)), from)
    }

    pub(super) fn give(command: Command) -> Self {
        Self::new(command, Purpose::Give)
    }

    pub(super) fn give_back(command: Command) -> Self {
        Self::new(command, Purpose::TakeBack)
    }

    pub(super) fn leave(command: Command) -> Self {
        Self::new(command, Purpose::Leave)
    }

    pub(super) fn keep(command: Command) -> Self {
        Self::new(command, Purpose::Keep)
    }

    /// Whether it may be sent again when nobody knows whether it arrived.
    pub(super) const fn is_repeatable(&self) -> bool {
        matches!(self.purpose, Purpose::Give | Purpose::TakeBack)
    }

    /// Tells who waits that there is no answer.
    pub(super) fn fail(&mut self, failure: Failure) {
        let failure = if self.redirected && failure == Failure::Closed { Failure::Elsewhere } else { failure };
        if let Purpose::Take(waiting, _) = &mut self.purpose
            && let Some(waiting) = waiting.take()
        {
            let _ = waiting.send(Err(failure));
        }
    }

    const fn new(command: Command, purpose: Purpose) -> Self {
        Self { command, purpose, by_text: false, redirected: false, asking: false }
    }
}
