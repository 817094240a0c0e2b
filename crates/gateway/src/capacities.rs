//! What `/metrics` shows of how many calls providers have under way, and how many they may have. Looked up when somebody
//! asks: nothing is counted for it on the way of a call.

use std::fmt;
use std::sync::Arc;

use keyward_domain::port::Clock;
use keyward_pool::{Moment, ProviderView};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet};
use prometheus_client::metrics::MetricType;

use crate::snapshot::SnapshotHandle;

/// Series of each of the two; what comes after that, in the order of the names, is left out.
const MAX_SERIES: usize = 200;

/// Asks the pools.
pub(crate) struct Capacities {
    pub(crate) snapshot: SnapshotHandle,
    pub(crate) clock: Arc<dyn Clock>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfProvider {
    provider: String,
}

/// `model` is empty for the provider as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfUpstream {
    provider: String,
    model: String,
}

impl Collector for Capacities {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let snapshot = self.snapshot.load();
        let moment = Moment::new(self.clock.now(), self.clock.monotonic());
        let providers = snapshot.all_providers();
        let views = providers.into_iter().map(|(name, entry)| (name, entry.pool.provider_view(moment)));
        let views: Vec<_> = views.take(MAX_SERIES).collect();
        let about = "Calls under way, by provider";
        let mut in_flight = encoder.encode_descriptor("upstream_in_flight", about, None, MetricType::Gauge)?;
        for (name, view) in &views {
            let labels = OfProvider { provider: (*name).to_owned() };
            in_flight.encode_family(&labels)?.encode_gauge(&i64::from(view.in_flight))?;
        }
        let about = "Calls that a provider, or a model there, may have under way at once, while there is such a limit";
        let name = "upstream_concurrency_limit";
        let mut limits = encoder.encode_descriptor(name, about, None, MetricType::Gauge)?;
        for (labels, limit) in views.iter().flat_map(|(name, view)| limits_of(name, view)).take(MAX_SERIES) {
            limits.encode_family(&labels)?.encode_gauge(&i64::from(limit))?;
        }
        Ok(())
    }
}

fn limits_of(provider: &str, view: &ProviderView) -> Vec<(OfUpstream, u32)> {
    let of = |model: &str| OfUpstream { provider: provider.to_owned(), model: model.to_owned() };
    let whole = view.at_once.map(|limit| (of(""), limit));
    let models = view.models.iter().filter_map(|model| Some((of(&model.model), model.at_once?)));
    whole.into_iter().chain(models).collect()
}

impl fmt::Debug for Capacities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capacities").finish_non_exhaustive()
    }
}
