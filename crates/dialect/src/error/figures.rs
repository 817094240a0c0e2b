//! The figures of a spent budget, the same members in every dialect. All are texts: Google's envelope knows no numbers
//! there, and a number would lose nano-dollars in many clients.

use keyward_domain::denial::Denial;
use serde::Serialize;

/// What a client can act on: dollars as exact decimals, the moment as RFC 3339.
#[derive(Serialize)]
pub(super) struct Figures {
    scope: String,
    limit: String,
    spent: String,
    reserved: String,
    needed: String,
    resets_at: String,
}

impl Figures {
    /// The figures of this refusal, if it has any.
    pub(super) fn of(denial: &Denial) -> Option<Self> {
        let Denial::BudgetExceeded(reached) = denial else { return None };
        Some(Self {
            scope: reached.scope.to_string(),
            limit: reached.limit.decimal(),
            spent: reached.spent.decimal(),
            reserved: reached.reserved.decimal(),
            needed: reached.needed.decimal(),
            resets_at: reached.resets_at.rfc3339(),
        })
    }
}
