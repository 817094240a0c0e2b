//! What a judgement teaches about whom.

use keyward_domain::judgement::{Blame, Judgement, Lasts, Trouble};
use keyward_domain::standing::Standing;
use keyward_domain::time::Timestamp;

use crate::moment::Moment;
use crate::settings::Settings;

/// How long the model at a provider, or the provider, is left alone when only a person could help and no person is
/// told: the trouble is tried again, at a price of one call.
const ENDPOINT_REST: std::time::Duration = std::time::Duration::from_mins(5);

/// What one failure teaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lesson {
    /// Nothing: it was the request's own fault, or the client's.
    Nothing,
    /// The key is in this standing.
    Key(Standing),
    /// All keys of the account are in this standing.
    Account(Standing),
    /// The key is in this standing for the model that was asked.
    KeyModel(Standing),
    /// All keys of the account are in this standing for the model that was asked.
    AccountModel(Standing),
    /// Nobody gets the model from this provider until then.
    Model(Timestamp),
    /// Nobody gets anything from this provider until then.
    Provider(Timestamp),
    /// A moment's trouble: it counts in a circuit, and opens it at once when `at_once`.
    Moment {
        /// Whose circuit.
        blame: Blame,
        /// Whether one is enough.
        at_once: bool,
    },
}

/// What this judgement teaches.
pub(crate) fn lesson(judgement: &Judgement, now: Moment, settings: &Settings) -> Lesson {
    let Judgement { blame, lasts, trouble, .. } = judgement;
    match blame {
        Blame::Request => Lesson::Nothing,
        Blame::Key | Blame::Account | Blame::ModelOnKey => of_key(*blame, *lasts, *trouble, now, settings),
        Blame::Model => of_endpoint(*lasts, now).map_or(moment(*blame, false), Lesson::Model),
        Blame::Provider | Blame::Network => of_endpoint(*lasts, now).map_or(moment(*blame, false), Lesson::Provider),
    }
}

fn of_key(blame: Blame, lasts: Lasts, trouble: Trouble, now: Moment, settings: &Settings) -> Lesson {
    let is_quota = matches!(trouble, Trouble::RateLimited | Trouble::QuotaExhausted);
    if trouble == Trouble::Rejected && blame != Blame::ModelOnKey {
        return of_standing(blame, Standing::Suspect, is_quota);
    }
    match lasts {
        // Asked to slow down, or out of quota, and nobody said for how long: one answer is enough.
        Lasts::Moment => moment(blame, is_quota),
        Lasts::Until(until) if trouble == Trouble::QuotaExhausted => {
            of_standing(blame, Standing::Exhausted { until: Some(until) }, is_quota)
        }
        Lasts::Until(until) => of_standing(blame, Standing::Cooling { until }, is_quota),
        // No person is told about one model of one key, and no probe can tell: ask again after a while.
        Lasts::Human if blame == Blame::ModelOnKey => {
            of_standing(blame, Standing::Cooling { until: now.wall.plus(settings.model_rest) }, is_quota)
        }
        Lasts::Human if trouble == Trouble::QuotaExhausted => {
            of_standing(blame, Standing::Exhausted { until: None }, is_quota)
        }
        Lasts::Human => of_standing(blame, Standing::Suspect, is_quota),
    }
}

fn of_standing(blame: Blame, standing: Standing, is_quota: bool) -> Lesson {
    match blame {
        Blame::Account => Lesson::Account(standing),
        // A model's own limit belongs to the account; a model that a key may not use is that key's affair.
        Blame::ModelOnKey if is_quota => Lesson::AccountModel(standing),
        Blame::ModelOnKey => Lesson::KeyModel(standing),
        _ => Lesson::Key(standing),
    }
}

fn of_endpoint(lasts: Lasts, now: Moment) -> Option<Timestamp> {
    match lasts {
        Lasts::Moment => None,
        Lasts::Until(until) => Some(until),
        Lasts::Human => Some(now.wall.plus(ENDPOINT_REST)),
    }
}

const fn moment(blame: Blame, at_once: bool) -> Lesson {
    Lesson::Moment { blame, at_once }
}
