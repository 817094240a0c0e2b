//! `Idempotency-Key`: a call that a client repeats, because it does not know what became of the first one, is not made and
//! not charged twice.
//!
//! A call claims the name behind its virtual key before it is admitted, and holds it as a [`Turn`] for as long as anything
//! of it is alive. Whoever lets go last says what became of it: a call that an attempt was charged for, or that was
//! answered well, keeps its name for a day; every other one leaves no trace, so that it can be tried again under the same
//! name.
//!
//! Names are kept in memory, and a name goes with the reservation of every attempt into the journal and with its row into the
//! store, from where the next process has it: a call that may have been sent is not sent again, whenever the process that
//! sent it dies. Answers are not kept at all.

mod repeats;
mod request;
mod turn;

use keyward_domain::call_name::CallName;
use keyward_domain::denial::Denial;

use crate::stage::arrive::Arrival;
use crate::stage::authorize::Grant;
use crate::worker::Worker;
pub(crate) use repeats::Repeats;
pub(crate) use turn::Turn;

/// Claims the name that the call goes by, when it has one and can cost anything.
pub(crate) fn claim(worker: &Worker, arrival: &mut Arrival, grant: &Grant) -> Result<(), Denial> {
    let call = &grant.call;
    if call.operation.is_free() {
        return Ok(());
    }
    let Some(name) = request::name(&call.head.headers)? else { return Ok(()) };
    let name =
        CallName { name: request::owned(call.caller.key().record.id, name), fingerprint: request::fingerprint(call) };
    worker.shared.repeats.begin(&name, arrival.request, worker.monotonic())?;
    arrival.turn = Some(Turn::new(&worker.shared, name));
    Ok(())
}
