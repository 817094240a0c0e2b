use super::StoreError;
use crate::escrow::{Ask, Chunk, Holder, Pot};
use crate::ids::EscrowId;
use crate::money::Nanodollars;
use crate::time::Timestamp;

/// The most chunks that one node may hold.
pub const MAX_CHUNKS_PER_NODE: u32 = 65_536;

/// Money of budgets, set aside for nodes that share a store. Methods block.
///
/// **The rule.** For every pot, at every moment: what was spent of it, and what may still be spent of its chunks, never
/// exceed the limit together. Money is given only where the ledger's rows and what is left of every chunk leave room; a row
/// that is in the ledger and not reported yet counts twice, never not at all. Nodes keep to three rules of theirs:
/// 1. a call is begun on a chunk only within its window, before the chunk expires on the node's own clock, and only for
///    what is left of it after everything that the node has spent or holds of it;
/// 2. a row is in the ledger before it is reported as used, or its chunk given back;
/// 3. a node that enters brings what its earlier lives left in their journals to the ledger before it says that they are
///    [settled](Escrow::settled).
///
/// A chunk does not come back by time alone: a node that is cut off may have spent it, and its rows come when it is back.
/// What is in doubt is at most one chunk for each node and pot.
///
/// **Atomic**: each method as a whole. **Repeatable**: each with the same arguments. **Fails closed**: a node without a
/// chunk begins nothing.
pub trait Escrow: Send + Sync {
    /// A node begins a new life: those before it can change nothing any more.
    fn enter(&self, node: &str) -> Result<Holder, EscrowError>;

    /// Sets money of the pot aside, as much as is wanted and free. A chunk of this id that is there already is given as it
    /// is.
    fn set_aside(&self, holder: &Holder, id: EscrowId, pot: &Pot, ask: &Ask) -> Result<Chunk, EscrowError>;

    /// Notes that rows of the chunk worth `used`, all in all, are in the ledger, gives it more until what is wanted is at
    /// hand, as far as that is free, and lets it live on. With nothing free it keeps what is left of it.
    fn renew(&self, holder: &Holder, id: EscrowId, used: Nanodollars, ask: &Ask) -> Result<Chunk, EscrowError>;

    /// What is left of the chunk is free again: all its rows are in the ledger, and no more will be spent of it. Nothing
    /// happens when it is gone.
    fn give_back(&self, holder: &Holder, id: EscrowId) -> Result<(), EscrowError>;

    /// Everything that earlier lives of the node spent is in the ledger: what is left of their chunks is free again, as
    /// soon as they have expired, in case one of them is still alive. Says how many are still to come.
    fn settled(&self, holder: &Holder, now: Timestamp) -> Result<u32, EscrowError>;

    /// Chunks that expired before this moment are free again, whatever was spent of them: for nodes that never come back.
    /// If one does, its rows count all the same, and the limit may be exceeded by them. Gives what was written off.
    fn write_off(&self, before: Timestamp) -> Result<Vec<Chunk>, EscrowError>;

    /// Every chunk of the pot, and of those that it touches.
    fn chunks(&self, pot: &Pot) -> Result<Vec<Chunk>, EscrowError>;
}

/// Why nothing was set aside, or changed.
#[derive(Debug, thiserror::Error)]
pub enum EscrowError {
    /// So little is free that it is of no use.
    #[error("only {0} of the budget is free: wait until calls end, or for the next window")]
    NoRoom(Nanodollars),
    /// The node has begun another life since.
    #[error("node `{0}` was started again since: this process may not spend any more, end it")]
    Fenced(Box<str>),
    /// There is no such chunk, or it was written off, or it is somebody else's.
    #[error("the part of the budget `{0}` is not this node's any more: take a new one")]
    Gone(EscrowId),
    /// The node holds [`MAX_CHUNKS_PER_NODE`].
    #[error("this node holds {MAX_CHUNKS_PER_NODE} parts of budgets already: give some back first")]
    TooMany,
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}
