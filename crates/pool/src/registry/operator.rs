//! What people and probes say about keys.

use keyward_domain::credential::Finding;
use keyward_domain::ids::CredentialId;
use keyward_domain::judgement::Trouble;
use keyward_domain::standing::{Cause, Standing};
use keyward_domain::time::Timestamp;
use std::time::Duration;

use super::{Registry, prove};
use crate::key::Key;
use crate::moment::Moment;
use crate::standing::Change;

/// A key whose credit was gone this long ago, and that is still valid, gets one call to see whether somebody paid.
const RECHECK_EXHAUSTED: Duration = Duration::from_hours(1);

const COOLED: &str = "told to rest by an operator";
const CLEARED: &str = "cleared by an operator";
const PROVED: &str = "a probe found that the provider accepts it";
const REFUSED: &str = "a probe found that the provider does not accept it";
const FORBIDDEN: &str = "a probe found that it may not do what is needed";
const NO_CREDIT: &str = "a probe found that its account has no credit left";

/// What became of an operator's word that a key is to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a suspect key does not rest until a time"]
pub enum Cooled {
    /// It rests until that time.
    Rests,
    /// Its provider does not accept it: it is not used until it is cleared or proved, whatever the time.
    StaysSuspect,
    /// There is no such key.
    Unknown,
}

impl Registry {
    /// An operator lets a key rest until a time, for longer or shorter than it would otherwise. A suspect key stays
    /// suspect: it must not be back by itself when that time is over.
    pub fn cool(&self, credential: CredentialId, until: Timestamp, principal: &str, moment: Moment) -> Cooled {
        let Some(key) = self.key(credential) else { return Cooled::Unknown };
        let standing = Standing::Cooling { until };
        let rests = key.fitness.cool(&by_operator(standing, COOLED, principal), moment, &key.endpoint);
        if rests { Cooled::Rests } else { Cooled::StaysSuspect }
    }

    /// An operator clears a key: nothing is held against it, nor against it with any model. Returns whether the key is
    /// known.
    pub fn clear(&self, credential: CredentialId, principal: &str, moment: Moment) -> bool {
        let Some(key) = self.key(credential) else { return false };
        clear(&key, &by_operator(Standing::Active, CLEARED, principal), moment);
        true
    }

    /// A probe asked the provider about a key. Valid clears a suspect, lets a failing key have its canary now, and lets
    /// one whose credit was gone an hour ago try one call; what the provider does not accept is suspect at once. A probe
    /// that was not answered says nothing. Returns whether the key is known.
    pub fn probed(&self, credential: CredentialId, finding: Finding, moment: Moment) -> bool {
        let Some(key) = self.key(credential) else { return false };
        if !matches!(finding, Finding::Unreachable | Finding::Malformed) {
            prove(&key, moment);
        }
        match finding {
            Finding::Valid => valid(&key, moment),
            Finding::Unauthorised => rest(&key, Standing::Suspect, REFUSED, Trouble::Rejected, moment),
            Finding::NoPermission => rest(&key, Standing::Suspect, FORBIDDEN, Trouble::NoPermission, moment),
            Finding::NoCredit => {
                rest(&key, Standing::Exhausted { until: None }, NO_CREDIT, Trouble::QuotaExhausted, moment);
            }
            Finding::Malformed | Finding::Unreachable => {}
        }
        true
    }
}

fn clear(key: &Key, change: &Change<'_>, moment: Moment) {
    key.fitness.clear(change, moment, &key.endpoint);
    for (_, on_model) in key.models() {
        on_model.fitness.clear(change, moment, &key.endpoint);
    }
    key.endpoint.bump();
}

fn valid(key: &Key, moment: Moment) {
    let change = Change { standing: Standing::Active, reason: PROVED, trouble: None, cause: Cause::Probe };
    match key.fitness.told().map(|told| (told.standing, moment.wall.since(told.since))) {
        Some((Standing::Suspect, _)) => {
            key.fitness.clear(&change, moment, &key.endpoint);
        }
        Some((Standing::Exhausted { until: None }, since)) if since >= RECHECK_EXHAUSTED => {
            key.fitness.clear(&change, moment, &key.endpoint);
        }
        _ => key.fitness.circuit.half_open(moment),
    }
    key.endpoint.bump();
}

fn rest(key: &Key, standing: Standing, reason: &str, trouble: Trouble, moment: Moment) {
    let change = Change { standing, reason, trouble: Some(trouble), cause: Cause::Probe };
    key.fitness.rest(&change, moment, &key.endpoint);
}

fn by_operator<'a>(standing: Standing, reason: &'a str, principal: &str) -> Change<'a> {
    Change { standing, reason, trouble: None, cause: Cause::Operator { principal: principal.to_owned() } }
}
