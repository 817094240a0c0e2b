//! What a client can act on besides the code, the same members in every dialect. All are texts: Google's envelope knows no
//! numbers there, and a number would lose nano-dollars in many clients.

use keyward_domain::denial::Denial;
use keyward_domain::time::Timestamp;
use serde::Serialize;

/// What a client can act on.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Figures {
    /// Those of a spent budget: dollars as exact decimals, the moment as RFC 3339. There is none when waiting does not help.
    Budget {
        budget_id: String,
        scope: String,
        limit: String,
        spent: String,
        reserved: String,
        needed: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        resets_at: Option<String>,
    },
    /// The limit that stands in the way.
    Limit { limit_id: String, scope: String },
    /// What the ledger knows of the call that this one repeats: its id, and whether its row is `settled` or `unsettled`.
    Repetition { first_request_id: String, first_outcome: &'static str },
}

impl Figures {
    /// The figures of this refusal, if it has any.
    pub(super) fn of(denial: &Denial) -> Option<Self> {
        match denial {
            Denial::BudgetExceeded(reached) => Some(Self::Budget {
                budget_id: reached.budget.to_string(),
                scope: reached.on(),
                limit: reached.limit.decimal(),
                spent: reached.spent.decimal(),
                reserved: reached.reserved.decimal(),
                needed: reached.needed.decimal(),
                resets_at: reached.fits_at().map(Timestamp::rfc3339),
            }),
            Denial::RateLimited(reached) | Denial::RequestExceedsLimit(reached) | Denial::LimitNotKnown(reached) => {
                Some(Self::Limit { limit_id: reached.limit.to_string(), scope: reached.on() })
            }
            Denial::AlreadyProcessed { request, is_settled } => Some(Self::Repetition {
                first_request_id: request.to_string(),
                first_outcome: if *is_settled { "settled" } else { "unsettled" },
            }),
            _ => None,
        }
    }
}
