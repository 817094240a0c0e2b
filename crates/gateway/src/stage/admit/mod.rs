//! Stage 4: [`Grant`] -> [`Hold`]. A place in flight, what budgets hold for the call, and what limits count of it: all of
//! it or none. Whatever happens in between, everything is given back or settled when the hold, and what came of it, is
//! dropped.

mod counted;
mod fit;
mod in_turn;
mod money;
mod most;
mod prompt;

use std::rc::Rc;
use std::time::Duration;

use keyward_domain::denial::Denial;
use keyward_domain::ledger::callers_scopes;
use keyward_domain::scope::Scope;

use crate::stage::arrive::Arrival;
use crate::stage::authorize::Grant;
use crate::worker::Worker;
pub(crate) use counted::Counted;
pub(crate) use fit::{Length, Slice};
pub(crate) use in_turn::{Admitted, Applicant, LOOK_AGAIN, admitted};
pub(crate) use money::{Blocked, Money, Purse};
pub(crate) use most::Most;
pub(crate) use prompt::{Prompt, Text};

/// A place in flight, and the money for it. Nothing is sent to a provider without one.
pub(crate) struct Hold {
    pub(crate) grant: Grant,
    pub(crate) place: Place,
    pub(crate) most: Most,
    /// What the call may spend.
    pub(crate) purse: Purse,
}

/// The part of a hold that lives until the answer has ended.
pub(crate) struct Place {
    worker: Rc<Worker>,
    /// What limits count of the call; `None` where there are none.
    pub(crate) counted: Option<Counted>,
    /// How long the call has waited in line.
    pub(crate) waited: Duration,
}

/// Admits the call, or says what stands in its way. A refusal changes no counter.
pub(crate) async fn hold(worker: &Rc<Worker>, arrival: &Arrival, grant: Grant) -> Result<Hold, Denial> {
    let mut place = place(worker)?;
    let most = Most::of(&grant);
    let allowances = &grant.call.caller.key().world.allowances;
    if allowances.is_empty() {
        return Ok(Hold { grant, place, most, purse: Purse::bottomless() });
    }
    let most = if allowances.budgets.is_empty() { most } else { most.weighed(&grant.call.payload) };
    let admitted = admitted(worker, &applicant(arrival, &grant, most), scopes(&grant)).await?;
    (place.counted, place.waited) = (admitted.counted, admitted.waited);
    Ok(Hold { grant, place, most: admitted.most, purse: admitted.purse })
}

fn applicant<'a>(arrival: &Arrival, grant: &'a Grant, most: Most) -> Applicant<'a> {
    let call = &grant.call;
    Applicant {
        key: call.caller.key(),
        request: arrival.request,
        at: arrival.at,
        targets: &grant.targets,
        priority: call.priority,
        most,
        text: Text::of(call.operation, &call.payload),
        length: if call.streamed { Length::Streamed } else { Length::Told },
    }
}

fn place(worker: &Rc<Worker>) -> Result<Place, Denial> {
    let options = &worker.shared.options;
    let here = worker.in_flight.get();
    if here >= options.limits.in_flight.div_ceil(options.workers.max(1)) {
        return Err(Denial::Overloaded("Too many calls are in flight."));
    }
    worker.in_flight.set(here + 1);
    worker.shared.metrics.in_flight.inc();
    Ok(Place { worker: Rc::clone(worker), counted: None, waited: Duration::ZERO })
}

fn scopes(grant: &Grant) -> Vec<Scope> {
    let key = &grant.call.caller.key().record;
    callers_scopes(key.tenant, key.id, grant.call.attributed.as_deref())
}

impl Drop for Place {
    fn drop(&mut self) {
        self.worker.in_flight.set(self.worker.in_flight.get().saturating_sub(1));
        self.worker.shared.metrics.in_flight.dec();
    }
}
