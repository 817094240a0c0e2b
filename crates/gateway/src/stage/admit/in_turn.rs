//! Holding money and counting a call in every limit on who asks: at once, or after waiting in line for room.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use keyward_domain::budget::Mode;
use keyward_domain::denial::{Denial, LimitReached};
use keyward_domain::ids::RequestId;
use keyward_domain::ledger::AttemptId;
use keyward_domain::limit::Meter;
use keyward_domain::port::{Amounts, Ask, Refusal};
use keyward_domain::scope::Scope;
use keyward_domain::time::Timestamp;
use keyward_domain::virtual_key::Priority;
use keyward_limit::queue::{Full, Want};

use super::counted::Counted;
use super::fit::Length;
use super::money::Purse;
use super::most::Most;
use super::prompt::Text;
use crate::line::{Wait, Who};
use crate::snapshot::{Deployment, KeyEntry};
use crate::worker::Worker;

/// Whoever is first in line looks again after this time at the latest: room may come from another node, or from a limit
/// that was raised, and then nobody rings.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What wants to be admitted: a call, or a lease.
#[derive(Clone, Copy)]
pub(crate) struct Applicant<'a> {
    pub(crate) key: &'a KeyEntry,
    pub(crate) request: RequestId,
    /// When it began, for windows.
    pub(crate) at: Timestamp,
    /// What may serve it.
    pub(crate) targets: &'a [Arc<Deployment>],
    pub(crate) priority: Priority,
    pub(crate) most: Most,
    /// What may have to be counted of it.
    pub(crate) text: Option<Text<'a>>,
    pub(crate) length: Length,
}

/// What it was admitted with.
pub(crate) struct Admitted {
    pub(crate) purse: Purse,
    /// What bounds its cost, more closely than before where that was needed.
    pub(crate) most: Most,
    /// `None` where no limit applies.
    pub(crate) counted: Option<Counted>,
    /// How long it waited for that.
    pub(crate) waited: Duration,
}

/// A call in line for room in a limit.
struct InLine {
    wait: Wait,
    /// What the call is told should its turn not come.
    said: Box<LimitReached>,
    /// It has not looked since it joined: something may have been freed in between.
    is_new: bool,
}

/// Holds and counts the call, all of it or nothing. While it waits it holds nothing.
pub(crate) async fn admitted(
    worker: &Rc<Worker>,
    applicant: &Applicant<'_>,
    mut scopes: Vec<Scope>,
) -> Result<Admitted, Denial> {
    let mut most = applicant.most;
    let mut asks = applicant.asks(&scopes);
    let mut in_line = InLine::behind_others(worker, applicant, &asks)?;
    loop {
        if let Some(in_line) = &mut in_line {
            in_line.comes().await?;
        }
        let purse = Purse::open(worker, applicant, &mut most, scopes).await?;
        let refusal = match count(worker, applicant, asks).await {
            Ok(counted) => {
                let waited = in_line.map_or(Duration::ZERO, |in_line| in_line.wait.served());
                return Ok(Admitted { purse, most, counted, waited });
            }
            Err(refusal) => refusal,
        };
        scopes = purse.into_scopes();
        let Refusal::Reached(reached) = refusal else { return Err(refusal.into()) };
        asks = applicant.asks(&scopes);
        in_line = Some(match in_line {
            None => InLine::join(worker, applicant, reached, &asks)?,
            Some(in_line) => in_line.refused(reached, &asks)?,
        });
    }
}

impl Applicant<'_> {
    /// What limits on who asks are asked. Those on who serves are asked when that is known.
    fn asks(&self, scopes: &[Scope]) -> Vec<Ask> {
        let longest = self.targets.iter().filter_map(|target| target.max_output).max();
        let (input_tokens, output_tokens) = (self.most.input_tokens(), self.most.typical_output(longest));
        let amounts = Amounts { input_tokens, output_tokens };
        self.key.world.allowances.limits.asks(scopes, self.key.record.tenant, amounts)
    }
}

async fn count(worker: &Rc<Worker>, applicant: &Applicant<'_>, asks: Vec<Ask>) -> Result<Option<Counted>, Refusal> {
    if asks.is_empty() {
        return Ok(None);
    }
    let id = AttemptId { request: applicant.request, number: 0 };
    let taken = worker.shared.counting.counters.take(asks, id, worker.monotonic()).await?;
    Ok(Some(Counted::new(worker, taken)))
}

impl InLine {
    /// A place behind those who wait for the same already; none when nobody does, as where calls may not wait.
    fn behind_others(worker: &Rc<Worker>, applicant: &Applicant<'_>, asks: &[Ask]) -> Result<Option<Self>, Denial> {
        if worker.shared.line.is_empty() {
            return Ok(None);
        }
        let enforced = || asks.iter().filter(|ask| ask.limit.mode == Mode::Enforce);
        if enforced().any(Ask::exceeds) {
            // Waiting does not help it: it is told so.
            return Ok(None);
        }
        let wants: Vec<Want> = enforced().map(Want::of_ask).collect();
        let Some(want) = worker.shared.line.behind(&wants, applicant.priority) else { return Ok(None) };
        let Some(ask) = enforced().find(|ask| Want::of_ask(ask) == want) else { return Ok(None) };
        Self::join(worker, applicant, ask.reached(Duration::ZERO), asks).map(Some)
    }

    /// Gets in line for room in the limit that refused, if that is in time.
    fn join(
        worker: &Rc<Worker>,
        applicant: &Applicant<'_>,
        said: Box<LimitReached>,
        asks: &[Ask],
    ) -> Result<Self, Denial> {
        let patience = worker.shared.options.queue.wait;
        if patience.is_zero() || !is_in_time(&said, patience) {
            return Err(Denial::RateLimited(said));
        }
        let who = Who { tenant: applicant.key.record.tenant, priority: applicant.priority };
        let (want, cost) = wanted(&said, asks);
        match Wait::join(worker, who, want, cost, patience) {
            Ok(place) => Ok(Self { wait: place, said, is_new: true }),
            Err(Full { retry_after }) => Err(no_sooner(said, retry_after)),
        }
    }

    /// It had its turn, and there was no room.
    fn refused(mut self, said: Box<LimitReached>, asks: &[Ask]) -> Result<Self, Denial> {
        if !is_in_time(&said, self.wait.patience()) {
            return Err(Denial::RateLimited(said));
        }
        let (want, cost) = wanted(&said, asks);
        self.wait.refused(want, cost, said.retry_after);
        self.said = said;
        Ok(self)
    }

    /// Waits for its turn.
    async fn comes(&mut self) -> Result<(), Denial> {
        if std::mem::take(&mut self.is_new) && self.wait.is_first() {
            return Ok(());
        }
        let again = self.said.retry_after.min(LOOK_AGAIN);
        let came = self.wait.comes(again).await;
        came.map_err(|_gone| no_sooner(self.said.clone(), self.wait.retry_after()))
    }
}

/// Whether there may be room soon enough. Nobody knows when a call in flight ends: it may be soon.
fn is_in_time(said: &LimitReached, patience: Duration) -> bool {
    said.meter == Meter::Concurrency || said.retry_after <= patience
}

/// What is waited for, and how much of it the call takes.
fn wanted(said: &LimitReached, asks: &[Ask]) -> (Want, u64) {
    let want = Want::of_limit(said);
    let cost = asks.iter().find(|ask| Want::of_ask(ask) == want).map_or(1, |ask| ask.amount);
    (want, cost)
}

fn no_sooner(mut said: Box<LimitReached>, retry_after: Duration) -> Denial {
    said.retry_after = said.retry_after.max(retry_after);
    Denial::RateLimited(said)
}
