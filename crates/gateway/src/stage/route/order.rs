//! In which order the targets of an alias are tried.

use std::sync::Arc;

use keyward_domain::alias::TargetOrder;

use crate::snapshot::Deployment;
use crate::stage::admit::Hold;
use crate::worker::Worker;

/// The targets in the alias's order.
pub(super) fn ordered(worker: &Worker, hold: &Hold, targets: Vec<Arc<Deployment>>) -> Vec<Arc<Deployment>> {
    let route = &hold.grant.route;
    if targets.len() < 2 {
        return targets;
    }
    let mut ordered = targets;
    match route.order {
        TargetOrder::Listed => {}
        TargetOrder::Weighted => return by_weight(worker, hold, ordered),
        // One whose price is unknown may be dear: it comes last.
        TargetOrder::CostOptimized => {
            ordered.sort_by_key(|target| hold.most.at(target).map_or(i64::MAX, |most| most.0));
        }
        TargetOrder::Latency => {
            let moment = worker.moment();
            ordered.sort_by_key(|target| target.provider.pool.typical_latency(&target.model, moment));
        }
    }
    ordered
}

/// The first by chance in proportion to its weight, then the next among the rest, and so on.
fn by_weight(worker: &Worker, hold: &Hold, mut left: Vec<Arc<Deployment>>) -> Vec<Arc<Deployment>> {
    let route = &hold.grant.route;
    let weight = |target: &Arc<Deployment>| {
        let place = route.targets.iter().position(|listed| Arc::ptr_eq(listed, target));
        u64::from(place.and_then(|place| route.weights.get(place)).copied().unwrap_or(1))
    };
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let whole: u64 = left.iter().map(weight).sum();
        let mut drawn = worker.draw(|draw| draw.below(whole));
        let chosen = left.iter().position(|target| {
            let share = weight(target);
            let is_it = drawn < share;
            drawn = drawn.saturating_sub(share);
            is_it
        });
        ordered.push(left.remove(chosen.unwrap_or(0)));
    }
    ordered
}
