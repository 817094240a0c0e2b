//! Lanes are made when a model is asked for first, and kept while it is asked for.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use super::{Lanes, Pool};
use crate::lane::Lane;
use crate::moment::Moment;

/// Lanes of one pool, at most.
const MAX_LANES: usize = 1024;
/// Seats over all lanes of one pool, at most.
const MAX_SEATS: usize = 65_536;
/// A lane that nobody asked for this long makes room for another.
const IDLE_SECONDS: u64 = 60;

impl Pool {
    /// The lane of a model. Asked for again, it costs one look-up.
    pub(crate) fn lane(&self, model: &str, now: Moment) -> Arc<Lane> {
        if let Some(lane) = self.lanes.load().get(model) {
            lane.touch(now);
            return Arc::clone(lane);
        }
        self.make_lane(model, now)
    }

    /// Models that have a lane.
    pub(crate) fn models(&self) -> Vec<Arc<str>> {
        self.lanes.load().keys().cloned().collect()
    }

    /// Makes the lanes of these models, as far as there is room.
    pub(crate) fn warm(&self, models: &[Arc<str>], now: Moment) {
        for model in models {
            self.lane(model, now);
        }
    }

    fn make_lane(&self, model: &str, now: Moment) -> Arc<Lane> {
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        let lanes = self.lanes.load_full();
        if let Some(lane) = lanes.get(model) {
            return Arc::clone(lane);
        }
        let lane = Arc::new(Lane::new(&Arc::from(model), &self.endpoint, &self.members, now));
        let mut more: Lanes = HashMap::clone(&lanes);
        if !has_room(&more, &lane) {
            more.retain(|_, lane| lane.idle_seconds(now) < IDLE_SECONDS);
        }
        // A flood of names that nobody knows gets lanes of its own that are forgotten at once.
        if has_room(&more, &lane) {
            more.insert(Arc::clone(&lane.model), Arc::clone(&lane));
            self.lanes.store(Arc::new(more));
        }
        lane
    }
}

fn has_room(lanes: &Lanes, lane: &Lane) -> bool {
    let seats: usize = lanes.values().map(|lane| lane.seats.len()).sum();
    lanes.len() < MAX_LANES && seats + lane.seats.len() <= MAX_SEATS
}
