//! Lanes are made when a model is asked for first, and kept while it is asked for. Clients choose the names: a flood of
//! names that nobody knows shares lanes of which nothing is kept.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use super::{Lanes, Pool};
use crate::lane::{Lane, is_listed, positions};
use crate::moment::Moment;

/// Lanes of one pool, at most.
const MAX_LANES: usize = 1024;
/// Those of them that nobody vouches for: no key lists the model, and no call for it has succeeded.
const MAX_STRANGERS: usize = 64;
/// Lanes that strangers beyond that share, one for every set of keys that may serve them.
const MAX_SHARED: usize = 16;
/// Seats over all lanes of one pool, at most.
const MAX_SEATS: usize = 65_536;
/// A lane that nobody asked for this long makes room for another.
const IDLE_SECONDS: u64 = 60;

/// Lanes that strangers share, by the positions of their keys.
pub(super) type Shared = HashMap<Box<[usize]>, Arc<Lane>>;

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
        let mut shared = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        let lanes = self.lanes.load_full();
        if let Some(lane) = lanes.get(model) {
            return Arc::clone(lane);
        }
        let is_stranger = !is_listed(model, &self.members) && !self.endpoint.is_proved(model);
        if is_stranger && strangers(&lanes).filter(|lane| !is_idle(lane, now)).count() >= MAX_STRANGERS {
            return self.shared_lane(&mut shared, model, now);
        }
        let mut kept = Lanes::clone(&lanes);
        if is_stranger && strangers(&kept).count() >= MAX_STRANGERS {
            drop_where(&mut kept, now, |lane| lane.is_stranger() && is_idle(lane, now));
        }
        let lane = Arc::new(Lane::new(&Arc::from(model), &self.endpoint, &self.members, now));
        if !has_room(&kept, &lane) {
            drop_where(&mut kept, now, |lane| is_idle(lane, now));
        }
        if !has_room(&kept, &lane) && !is_stranger {
            drop_where(&mut kept, now, Lane::is_stranger);
        }
        // For more than that there are lanes that are forgotten at once.
        if has_room(&kept, &lane) {
            kept.insert(Arc::clone(&lane.model), Arc::clone(&lane));
            self.lanes.store(Arc::new(kept));
        }
        lane
    }

    fn shared_lane(&self, shared: &mut Shared, model: &str, now: Moment) -> Arc<Lane> {
        let positions = positions(model, &self.members);
        if let Some(lane) = shared.get(&positions) {
            return Arc::clone(lane);
        }
        let lane = Arc::new(Lane::shared(model, &self.endpoint, &self.members, now));
        if shared.len() < MAX_SHARED {
            shared.insert(positions, Arc::clone(&lane));
        }
        lane
    }
}

fn strangers(lanes: &Lanes) -> impl Iterator<Item = &Arc<Lane>> {
    lanes.values().filter(|lane| lane.is_stranger())
}

fn is_idle(lane: &Lane, now: Moment) -> bool {
    lane.idle_seconds(now) >= IDLE_SECONDS
}

/// Drops lanes; of those that nobody vouches for, what was learned goes as well.
fn drop_where(lanes: &mut Lanes, now: Moment, goes: impl Fn(&Lane) -> bool) {
    lanes.retain(|_, lane| {
        let stays = !goes(lane);
        if !stays && lane.is_stranger() {
            lane.forget(now);
        }
        stays
    });
}

fn has_room(lanes: &Lanes, lane: &Lane) -> bool {
    let seats: usize = lanes.values().map(|lane| lane.seats.len()).sum();
    lanes.len() < MAX_LANES && seats + lane.seats.len() <= MAX_SEATS
}
