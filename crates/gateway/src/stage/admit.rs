//! Stage 4: [`Grant`] -> [`Hold`]. What the call may cost at the most is computed and a place in flight is taken; both
//! are given back when the hold is dropped, whatever happens in between.

use std::rc::Rc;

use keyward_domain::cost::worst_case;
use keyward_domain::denial::Denial;
use keyward_domain::money::Nanodollars;

use crate::snapshot::Deployment;
use crate::stage::attempt::BYTES_PER_TOKEN;
use crate::stage::authorize::Grant;
use crate::worker::Worker;

/// The longest answer that is assumed when neither the client nor the catalog sets a limit, in tokens.
const ASSUMED_MAX_OUTPUT: u64 = 32_768;

/// An answer is seldom longer, in tokens. Limits that a provider or an operator set are settled with the truth later; what
/// is reserved until then should be neither nothing nor the whole allowance.
const TYPICAL_OUTPUT: u64 = 1024;

/// A place in flight. Nothing is sent to a provider without one.
pub(crate) struct Hold {
    pub(crate) grant: Grant,
    pub(crate) place: Place,
    pub(crate) most: Most,
}

/// What bounds the cost of a call.
#[derive(Clone, Copy)]
pub(crate) struct Most {
    input_bytes: u64,
    /// A file is sent: its size says nothing about tokens.
    is_upload: bool,
    output_cap: Option<u64>,
    candidates: u32,
    is_free: bool,
}

/// The part of a hold that lives until the answer has ended.
pub(crate) struct Place {
    worker: Rc<Worker>,
}

/// Admits the call, or says that there is no room.
pub(crate) fn hold(worker: &Rc<Worker>, grant: Grant) -> Result<Hold, Denial> {
    let options = &worker.shared.options;
    let here = worker.in_flight.get();
    if here >= options.limits.in_flight.div_ceil(options.workers.max(1)) {
        return Err(Denial::Overloaded("Too many calls are in flight."));
    }
    worker.in_flight.set(here + 1);
    worker.shared.metrics.in_flight.inc();
    let payload = &grant.call.payload;
    let asked = payload.asked();
    let most = Most {
        input_bytes: asked.upload_bytes.unwrap_or(payload.len() as u64),
        is_upload: asked.upload_bytes.is_some(),
        output_cap: payload.output_cap(),
        candidates: payload.candidates(),
        is_free: grant.call.operation.is_free(),
    };
    Ok(Hold { grant, place: Place { worker: Rc::clone(worker) }, most })
}

impl Most {
    /// Tokens of the prompt by its size: what limits of a key reserve.
    pub(crate) fn input_tokens(&self) -> u64 {
        if self.is_upload { 0 } else { self.input_bytes / BYTES_PER_TOKEN }
    }

    /// Tokens of the answer at this deployment: what limits of a key reserve.
    pub(crate) fn output_tokens(&self, target: &Deployment) -> u64 {
        let output = self.output_cap.or(target.max_output).map_or(TYPICAL_OUTPUT, |cap| cap.min(TYPICAL_OUTPUT));
        output * u64::from(self.candidates)
    }

    /// The most that the call can cost at this deployment: every byte of the request a token at the dearest input rate
    /// (no tokenizer makes more tokens than bytes), and the whole output allowance. `None` when the price is unknown.
    pub(crate) fn at(&self, target: &Deployment) -> Option<Nanodollars> {
        if self.is_free {
            return Some(Nanodollars::ZERO);
        }
        let output = self.output_cap.or(target.max_output).unwrap_or(ASSUMED_MAX_OUTPUT);
        worst_case(&target.pricing, self.input_bytes, output, self.candidates)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.worker.in_flight.set(self.worker.in_flight.get().saturating_sub(1));
        self.worker.shared.metrics.in_flight.dec();
    }
}
