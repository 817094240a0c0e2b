//! The deadlines of an answer under way, kept with one timer that is moved on only when it fires: a stream of a thousand
//! events costs one timer, not a thousand.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use keyward_domain::denial::Deadline;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::options::Deadlines;

/// Watches over the silence between two pieces of an answer.
pub(super) struct Silence {
    deadlines: Deadlines,
    first_content_at: Instant,
    /// The call's own deadline.
    total_at: Instant,
    heard_at: Instant,
    /// When the client last got a comment.
    kept_alive_at: Instant,
    comments: bool,
    timer: Option<Pin<Box<Sleep>>>,
}

/// How long ago things happened.
#[derive(Clone, Copy)]
pub(super) struct Since {
    /// The call arrived.
    pub(super) arrived: Duration,
    /// The attempt was sent.
    pub(super) sent: Duration,
}

/// What is due after so much silence.
pub(super) enum Due {
    /// The client should get a sign of life.
    KeepAlive,
    /// Enough waited.
    Deadline(Deadline, Duration),
}

impl Silence {
    /// Begins now, with the head of the answer. `comments` says whether the client may be sent signs of life.
    pub(super) fn new(deadlines: &Deadlines, since: Since, comments: bool) -> Self {
        let now = Instant::now();
        let first_content_at = now + deadlines.first_content.saturating_sub(since.sent);
        let total_at = now + deadlines.total.saturating_sub(since.arrived);
        Self {
            deadlines: *deadlines,
            first_content_at,
            total_at,
            heard_at: now,
            kept_alive_at: now,
            comments,
            timer: None,
        }
    }

    /// A piece came.
    pub(super) fn heard(&mut self) {
        self.heard_at = Instant::now();
    }

    /// When the last piece came, on the clock on which it is `now`.
    pub(super) fn last_heard_before(&self, now: Duration) -> Duration {
        now.saturating_sub(self.heard_at.elapsed())
    }

    /// Waits for whatever is due next. `content` says whether the answer proper has begun.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, content: bool) -> Poll<Due> {
        loop {
            let now = Instant::now();
            let (silent_at, which, length) = self.silent_at(content);
            if now >= self.total_at {
                return Poll::Ready(Due::Deadline(Deadline::Total, self.deadlines.total));
            }
            if now >= silent_at {
                return Poll::Ready(Due::Deadline(which, length));
            }
            let comment_at = self.heard_at.max(self.kept_alive_at) + self.deadlines.keep_alive;
            if self.comments && now >= comment_at {
                self.kept_alive_at = now;
                return Poll::Ready(Due::KeepAlive);
            }
            let next = if self.comments { silent_at.min(comment_at) } else { silent_at }.min(self.total_at);
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(next)));
            // Later is soon enough to notice when it fires; earlier (the idle deadline is the shorter one) is not.
            if timer.is_elapsed() || timer.deadline() > next {
                timer.as_mut().reset(next);
            }
            ready!(timer.as_mut().poll(cx));
        }
    }

    fn silent_at(&self, content: bool) -> (Instant, Deadline, Duration) {
        if content {
            (self.heard_at + self.deadlines.idle, Deadline::Idle, self.deadlines.idle)
        } else {
            (self.first_content_at, Deadline::FirstContent, self.deadlines.first_content)
        }
    }
}
