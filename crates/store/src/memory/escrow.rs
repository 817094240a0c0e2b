//! Money that is set aside, in memory.

use std::collections::BTreeMap;

use keyward_domain::escrow::{Ask, Chunk, Holder, Pot};
use keyward_domain::ids::EscrowId;
use keyward_domain::ledger::SpendQuery;
use keyward_domain::money::Nanodollars;
use keyward_domain::port::{Escrow, EscrowError, MAX_CHUNKS_PER_NODE};
use keyward_domain::time::Timestamp;
use keyward_domain::window::Window;

use super::{MemoryStore, State};
use crate::escrow;

/// Who holds what.
#[derive(Debug, Default)]
pub(super) struct Held {
    epochs: BTreeMap<Box<str>, u64>,
    chunks: BTreeMap<EscrowId, Chunk>,
}

impl Escrow for MemoryStore {
    fn enter(&self, node: &str) -> Result<Holder, EscrowError> {
        let mut state = self.state();
        let epoch = state.escrow.epochs.entry(node.into()).or_default();
        *epoch = epoch.saturating_add(1);
        Ok(Holder { node: node.into(), epoch: *epoch })
    }

    fn set_aside(&self, holder: &Holder, id: EscrowId, pot: &Pot, ask: &Ask) -> Result<Chunk, EscrowError> {
        let mut state = self.state();
        state.escrow.check(holder)?;
        if let Some(chunk) = state.escrow.chunks.get(&id) {
            let is_same = chunk.holder == *holder && chunk.pot == *pot;
            return if is_same { Ok(chunk.clone()) } else { Err(EscrowError::Gone(id)) };
        }
        let held = state.escrow.chunks.values().filter(|chunk| chunk.holder.node == holder.node).count();
        if u32::try_from(held).is_ok_and(|held| held >= MAX_CHUNKS_PER_NODE) {
            return Err(EscrowError::TooMany);
        }
        let amount = escrow::first(ask, escrow::free(ask.limit, state.posted(pot), &state.escrow.touching(pot)))?;
        let (used, expires_at) = (Nanodollars::ZERO, ask.expires_at);
        let chunk = Chunk { id, holder: holder.clone(), pot: pot.clone(), amount, used, expires_at };
        state.escrow.chunks.insert(id, chunk.clone());
        Ok(chunk)
    }

    fn renew(&self, holder: &Holder, id: EscrowId, used: Nanodollars, ask: &Ask) -> Result<Chunk, EscrowError> {
        let mut state = self.state();
        state.escrow.check(holder)?;
        let chunk = state.escrow.chunks.get(&id).filter(|chunk| chunk.holder == *holder);
        let chunk = chunk.ok_or(EscrowError::Gone(id))?;
        let next = escrow::renewed(chunk, used, ask, state.posted(&chunk.pot), &state.escrow.touching(&chunk.pot));
        state.escrow.chunks.insert(id, next.clone());
        Ok(next)
    }

    fn give_back(&self, holder: &Holder, id: EscrowId) -> Result<(), EscrowError> {
        let mut state = self.state();
        state.escrow.check(holder)?;
        if state.escrow.chunks.get(&id).is_some_and(|chunk| chunk.holder == *holder) {
            state.escrow.chunks.remove(&id);
        }
        Ok(())
    }

    fn settled(&self, holder: &Holder, now: Timestamp) -> Result<u32, EscrowError> {
        let mut state = self.state();
        state.escrow.check(holder)?;
        let is_earlier = |chunk: &Chunk| chunk.holder.node == holder.node && chunk.holder.epoch < holder.epoch;
        state.escrow.chunks.retain(|_, chunk| !(is_earlier(chunk) && chunk.expires_at <= now));
        let to_come = state.escrow.chunks.values().filter(|chunk| is_earlier(chunk)).count();
        Ok(u32::try_from(to_come).unwrap_or(u32::MAX))
    }

    fn write_off(&self, before: Timestamp) -> Result<Vec<Chunk>, EscrowError> {
        let chunks = &mut self.state().escrow.chunks;
        let (gone, stay) = std::mem::take(chunks).into_iter().partition(|(_, chunk)| chunk.expires_at < before);
        *chunks = stay;
        let gone: BTreeMap<EscrowId, Chunk> = gone;
        Ok(gone.into_values().collect())
    }

    fn chunks(&self, pot: &Pot) -> Result<Vec<Chunk>, EscrowError> {
        Ok(self.state().escrow.touching(pot))
    }
}

impl State {
    /// What the rows of the pot come to.
    fn posted(&self, pot: &Pot) -> Nanodollars {
        let Window { from: since, until } = pot.window;
        let query = SpendQuery { kind: pot.scope.kind(), scope: Some(pot.scope.clone()), since, until };
        self.ledger.spend(&query).iter().map(|spend| spend.cost).sum()
    }
}

impl Held {
    fn check(&self, holder: &Holder) -> Result<(), EscrowError> {
        let is_latest = self.epochs.get(&holder.node) == Some(&holder.epoch);
        if is_latest { Ok(()) } else { Err(EscrowError::Fenced(holder.node.clone())) }
    }

    fn touching(&self, pot: &Pot) -> Vec<Chunk> {
        self.chunks.values().filter(|chunk| chunk.pot.touches(pot)).cloned().collect()
    }
}
