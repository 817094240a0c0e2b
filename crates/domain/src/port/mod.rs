//! The ports: what the shells around the core have to provide. Each says what is atomic, what may be repeated, and
//! what happens when it fails.

mod clock;
mod counters;
mod egress;
mod entropy;
mod escrow;
mod hand_on;
mod journal;
mod store;
mod tokenizer;

pub use clock::Clock;
pub use counters::{Amounts, Answer, Ask, Counters, Level, Mark, Part, Refusal, Taken, Tightest};
pub use egress::{Egress, EgressAnswer, EgressError, EgressFuture, EgressRequest, MAX_EGRESS_BODY};
pub use entropy::{Entropy, EntropyError};
pub use escrow::{Escrow, EscrowError, MAX_CHUNKS_PER_NODE};
pub use journal::{Durability, Journal, JournalError, Journals, Syncer};
pub use store::{
    Change, CredentialSpend, LedgerTotals, MAX_BINDINGS, MAX_KEY_EVENTS, MAX_MODELS_PER_KEY, MAX_OPEN_LEASES,
    PriceOverride, Records, Store, StoreError, VaultRecord,
};
pub use tokenizer::Tokenizer;
