use std::collections::BTreeMap;
use std::sync::Arc;

use keyward_domain::ids::{ProviderId, TenantId};
use keyward_domain::port::Records;
use keyward_domain::principal::Action;
use keyward_domain::routing::Strategy;
use keyward_pool::{Ask, Pool, Simulation};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::control::{Control, Lead};
use crate::error::AdminError;
use crate::field::{ModelId, Whole};
use crate::operation::{Operation, Permit};

/// Calls that are drawn when nobody says.
const DRAWS: u32 = 10_000;
/// The seed when nobody says: the same question gets the same answer.
const SEED: u64 = 1;

/// Simulates a strategy on the keys as they are now: how it would share calls among them, beside the strategy in use.
/// Nothing is sent, and nothing is taken from any limit.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SimulateStrategy {
    /// The model: an alias, `provider/model`, or a bare name. Left out: for every provider the model that most of its
    /// keys have.
    pub model: Option<ModelId>,
    /// The strategy: `adaptive`, `round_robin`, `least_used`, `weighted`, `health_based`, `cost_optimized`, `latency`,
    /// `random`, `single`. Left out: the one in use.
    #[schema(value_type = Option<String>)]
    pub strategy: Option<Strategy>,
    /// How many calls are drawn; 10,000 when left out.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1_000_000)]
    pub draws: Option<Whole<u32, 1, 1_000_000>>,
    /// What chance begins with; the same seed gives the same answer.
    pub seed: Option<u64>,
}

/// How calls would be shared.
#[derive(Debug, Serialize, ToSchema)]
pub struct StrategyShares {
    /// Calls that were drawn.
    pub draws: u32,
    /// Pool by pool.
    pub pools: Vec<PoolShares>,
}

/// How the keys of one provider would share calls for a model.
#[derive(Debug, Serialize, ToSchema)]
pub struct PoolShares {
    /// The provider.
    pub provider: String,
    /// The model.
    pub model: String,
    /// The strategy in use.
    pub current: &'static str,
    /// The strategy that was simulated.
    pub strategy: &'static str,
    /// Calls for which there was no key.
    pub unserved: u32,
    /// The keys that serve the model.
    pub shares: Vec<ShareView>,
}

/// What one key would get.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShareView {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Its share of the calls, in thousandths.
    pub permille: u32,
    /// Its share by the strategy in use.
    pub current_permille: u32,
    /// The least that is left of any of its provider's limits, in thousandths; `null` when too little is.
    pub room_permille: Option<u32>,
}

impl Operation for SimulateStrategy {
    type Output = StrategyShares;
    const NAME: &'static str = "route.simulate";
    const ACTION: Action = Action::Read;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<StrategyShares, AdminError> {
        let records = control.records().await?;
        let draws = self.draws.map_or(DRAWS, |draws| draws.0);
        let seed = self.seed.unwrap_or(SEED);
        let questions = match &self.model {
            Some(model) => asked(control, model.as_str())?,
            None => usual(control, &records),
        };
        let shares = |(provider, model, pool): (String, String, Arc<Pool>)| {
            let strategy = self.strategy.unwrap_or(pool.strategy());
            let simulate = |strategy| pool.simulate(&Ask::new(&model), strategy, draws, control.moment(), seed);
            let (wanted, current) = (simulate(strategy), simulate(pool.strategy()));
            PoolShares::of(provider, model.clone(), &wanted, &current)
        };
        Ok(StrategyShares { draws, pools: questions.into_iter().map(shares).collect() })
    }
}

type Question = (String, String, Arc<Pool>);

fn asked(control: &Control, model: &str) -> Result<Vec<Question>, AdminError> {
    match control.pools().lead(TenantId::DEFAULT, model, None) {
        Lead::To(way) => {
            let questions = way.targets.into_iter().filter(|target| !target.is_keyless);
            Ok(questions.map(|target| (target.provider_name, target.model, target.pool)).collect())
        }
        Lead::Several(names) => Err(AdminError::Ambiguous("model", format!("write one of {}", names.join(", ")))),
        Lead::Nowhere(_) => Err(AdminError::not_found("model", model)),
    }
}

/// Of every provider the model that most of its keys have.
fn usual(control: &Control, records: &Records) -> Vec<Question> {
    let mut questions: Vec<_> = records
        .providers
        .iter()
        .filter_map(|provider| {
            let pool = control.pools().of(provider.id)?;
            Some((provider.name.clone(), most_offered(provider.id, records)?, pool))
        })
        .collect();
    questions.sort_by(|a, b| a.0.cmp(&b.0));
    questions
}

fn most_offered(provider: ProviderId, records: &Records) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for key in records.credentials.iter().filter(|key| key.provider == provider) {
        for model in key.models.iter().filter(|model| key.terms.allows_model(model)) {
            *counts.entry(model).or_default() += 1;
        }
    }
    // Of several the first by name, so that the answer stays the same.
    let most = counts.values().copied().max()?;
    counts.into_iter().find(|(_, count)| *count == most).map(|(model, _)| model.to_owned())
}

impl PoolShares {
    fn of(provider: String, model: String, wanted: &Simulation, current: &Simulation) -> Self {
        let share = |(now, before): (&keyward_pool::Share, &keyward_pool::Share)| ShareView {
            id: now.credential.to_string(),
            name: now.name.to_string(),
            permille: now.permille,
            current_permille: before.permille,
            room_permille: now.room_permille,
        };
        Self {
            provider,
            model,
            current: current.strategy.as_str(),
            strategy: wanted.strategy.as_str(),
            unserved: wanted.unserved,
            shares: wanted.shares.iter().zip(&current.shares).map(share).collect(),
        }
    }
}
