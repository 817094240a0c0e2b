use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use keyward_domain::catalog::{Pricing, ServiceClass};
use keyward_domain::cost::{ChargeContext, charge};
use keyward_domain::ids::ProviderId;
use keyward_domain::ledger::{AttemptOutcome, Correction, Entry, EntryFilter, MAX_ENTRIES, RequestRow};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::Records;
use keyward_domain::principal::Action;
use keyward_domain::time::Timestamp;
use keyward_domain::usage::UsageSource;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::show::range;
use crate::control::{Control, Standing};
use crate::error::AdminError;
use crate::field::{ModelId, Moment, Since, ZoneName, usd};
use crate::operation::{Operation, Permit};

/// Rows that one run looks at, at most: with more it is told to take a shorter range.
const MAX_ROWS: usize = 2_000_000;

/// Why corrections of this kind were made.
const REASON: &str = "the prices of today, applied again";

/// Applies the prices of today to what was used, and writes the differences as corrections; rows are never changed. Done
/// twice, it adds nothing the second time.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RepriceUsage {
    /// From when on, by when attempts began.
    pub since: Since,
    /// Up to when, exclusive; now when left out.
    pub until: Option<Since>,
    /// Where plain dates begin; UTC when left out.
    #[serde(default)]
    pub zone: ZoneName,
    /// Only this model, by the provider's own id.
    pub model: Option<ModelId>,
    /// Only says what it would come to.
    #[serde(default)]
    pub dry_run: bool,
}

/// What the prices of today make of what was used.
#[derive(Debug, Serialize, ToSchema)]
pub struct Repriced {
    /// From when on.
    pub since: Moment,
    /// Up to when, exclusive.
    pub until: Moment,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// Each model of which something was used.
    pub models: Vec<RepricedModel>,
    /// Everything together.
    pub total: RepricedModel,
}

/// One model, before and after.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct RepricedModel {
    /// The provider's name.
    pub provider: String,
    /// The model as the provider calls it.
    pub model: String,
    /// Which price table applies now; empty when the price is unknown.
    pub price_version: String,
    /// Attempts that were computed again.
    pub attempts: u64,
    /// Of them, those that had no price before.
    pub unpriced_before: u64,
    /// Attempts that stay as they are: nobody counted what they used, or there is no price for it today.
    pub left: u64,
    /// Attempts that were taken to have been served in the standard class although others cost something else: their row
    /// does not say.
    pub assumed_standard: u64,
    /// What they cost, with earlier differences of prices, in nano-dollars.
    pub before_nanodollars: i64,
    /// The same in dollars.
    pub before_usd: String,
    /// What they cost at the prices of today, in nano-dollars.
    pub after_nanodollars: i64,
    /// The same in dollars.
    pub after_usd: String,
    /// The difference in dollars.
    pub difference_usd: String,
    /// Corrections that were written, or would be.
    pub corrections: u64,
}

impl Operation for RepriceUsage {
    type Output = Repriced;
    const NAME: &'static str = "usage.reprice";
    const ACTION: Action = Action::Write;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<Repriced, AdminError> {
        let (since, until) = range(control.now(), Some(self.since), self.until, &self.zone.0)?;
        let records = control.records().await?;
        let mut run = Run {
            control,
            records: &records,
            only: self.model,
            now: control.now(),
            standings: HashMap::new(),
            models: BTreeMap::new(),
        };
        let mut filter = EntryFilter { since, until, after: None, limit: MAX_ENTRIES };
        let mut seen = 0;
        loop {
            let asked = filter;
            let mut page = control.read(move |store| store.entries(&asked)).await?;
            let is_last = page.len() < usize::try_from(MAX_ENTRIES).unwrap_or(usize::MAX);
            if !is_last {
                // Its corrections may be on the next page.
                leave_last_request(&mut page);
            }
            seen += page.len();
            if seen > MAX_ROWS {
                let hint = "this would be more than 2000000 rows; take a shorter range (what was done so far stays)";
                return Err(AdminError::invalid_field("since", hint));
            }
            filter.after = page.last().map(|last| last.subject.attempt).or(filter.after);
            let corrections = run.page(page);
            if !corrections.is_empty() && !self.dry_run {
                let detail = format!("{} corrections: {REASON}", corrections.len());
                control.correct(permit, corrections, &"ledger", &detail).await?;
            }
            if is_last {
                return Ok(run.into_view(since, until, self.dry_run));
            }
        }
    }
}

/// Takes the last request's rows away; they are asked for again.
fn leave_last_request(page: &mut Vec<Entry>) {
    if let Some(last) = page.last().map(|entry| entry.subject.attempt.request) {
        page.retain(|entry| entry.subject.attempt.request != last);
    }
}

struct Run<'a> {
    control: &'a Control,
    records: &'a Records,
    only: Option<ModelId>,
    now: Timestamp,
    /// What models cost today, while their provider is there.
    standings: HashMap<(ProviderId, Arc<str>), Option<Arc<Standing>>>,
    models: BTreeMap<(Arc<str>, Arc<str>), Sum>,
}

#[derive(Default)]
struct Sum {
    view: RepricedModel,
    before: Nanodollars,
    after: Nanodollars,
}

impl Run<'_> {
    /// The corrections that the rows of some requests need.
    fn page(&mut self, page: Vec<Entry>) -> Vec<Entry> {
        let mut rows: Vec<RequestRow> = Vec::new();
        for entry in page {
            let request = entry.subject.attempt.request;
            match rows.last_mut().filter(|row| row.request == request) {
                Some(row) => row.attempts.push(entry),
                None => rows.push(RequestRow { request, attempts: vec![entry], refusal: None }),
            }
        }
        rows.iter_mut().flat_map(|row| self.request(row)).collect()
    }

    fn request(&mut self, row: &mut RequestRow) -> Vec<Entry> {
        let mut corrections = Vec::new();
        let wanted = |entry: &&Entry| self.only.as_ref().is_none_or(|only| *only.as_str() == *entry.subject.model);
        let attempts: Vec<Entry> = row.made().filter(wanted).cloned().collect();
        for attempt in attempts {
            // The next number after those that are there, and after those of this run.
            if let Some(correction) = self.attempt(&attempt, row) {
                row.attempts.push(correction.clone());
                corrections.push(correction);
            }
        }
        corrections
    }

    /// The correction that an attempt needs, if any.
    fn attempt(&mut self, attempt: &Entry, row: &RequestRow) -> Option<Entry> {
        let (known, subject) = (self.standing(attempt), &attempt.subject);
        let sum = self.models.entry((subject.provider_name.clone(), subject.model.clone())).or_default();
        let new = known.as_ref().and_then(|standing| new_cost(attempt, standing));
        let (Some(standing), Some(new), Some(number)) = (known, new, row.next_correction()) else {
            sum.view.left += 1;
            return None;
        };
        let Before { cost, had_price } = Before::of(attempt, row);
        sum.add(attempt, &standing, (cost, had_price), new);
        if had_price && new == cost {
            return None;
        }
        sum.view.corrections += 1;
        let (corrects, reason) = (subject.attempt.number, REASON.to_owned());
        let note = Correction { corrects, made_at: self.now, reason, repriced: true, prices: !had_price };
        Some(attempt.corrected(number, new - cost, &standing.version, &note))
    }

    fn standing(&mut self, attempt: &Entry) -> Option<Arc<Standing>> {
        let place = (attempt.subject.provider, Arc::clone(&attempt.subject.model));
        let (control, records) = (self.control, self.records);
        let standing = self.standings.entry(place).or_insert_with_key(|(id, model)| {
            let provider = records.providers.iter().find(|provider| provider.id == *id)?;
            Some(Arc::new(control.standing(records, provider, model)))
        });
        standing.clone()
    }

    fn into_view(self, since: Timestamp, until: Timestamp, dry_run: bool) -> Repriced {
        let mut total = Sum::default();
        let mut models = Vec::new();
        for ((provider, model), mut sum) in self.models {
            (sum.view.provider, sum.view.model) = (provider.to_string(), model.to_string());
            (total.before, total.after) = (total.before + sum.before, total.after + sum.after);
            total.view.attempts += sum.view.attempts;
            total.view.unpriced_before += sum.view.unpriced_before;
            total.view.left += sum.view.left;
            total.view.assumed_standard += sum.view.assumed_standard;
            total.view.corrections += sum.view.corrections;
            models.push(sum.into_view());
        }
        Repriced { since: Moment(since), until: Moment(until), dry_run, models, total: total.into_view() }
    }
}

/// What an attempt cost so far: as its row says, with earlier differences of prices.
struct Before {
    cost: Nanodollars,
    had_price: bool,
}

impl Before {
    fn of(attempt: &Entry, row: &RequestRow) -> Self {
        let number = attempt.subject.attempt.number;
        let notes = row.attempts.iter().filter_map(|entry| Some((entry.cost?, entry.correction()?)));
        let earlier: Vec<_> = notes.filter(|(_, note)| note.repriced && note.corrects == number).collect();
        Self {
            cost: attempt.cost.unwrap_or_default() + earlier.iter().map(|(cost, _)| *cost).sum(),
            had_price: attempt.cost.is_some() || earlier.iter().any(|(_, note)| note.prices),
        }
    }
}

impl Sum {
    fn add(&mut self, attempt: &Entry, standing: &Standing, before: (Nanodollars, bool), new: Nanodollars) {
        let (cost, had_price) = before;
        self.view.attempts += 1;
        self.view.unpriced_before += u64::from(!had_price);
        self.view.assumed_standard += u64::from(is_assumed(attempt, &standing.pricing));
        self.view.price_version = standing.version.to_string();
        (self.before, self.after) = (self.before + cost, self.after + new);
    }

    fn into_view(self) -> RepricedModel {
        RepricedModel {
            before_nanodollars: self.before.0,
            before_usd: usd(self.before),
            after_nanodollars: self.after.0,
            after_usd: usd(self.after),
            difference_usd: usd(self.after - self.before),
            ..self.view
        }
    }
}

/// What an attempt costs at the prices of today; `None` when nobody counted what it used, or there is no price for it.
fn new_cost(attempt: &Entry, standing: &Standing) -> Option<Nanodollars> {
    let was_counted = attempt.source != UsageSource::None && attempt.outcome != AttemptOutcome::Unsettled;
    let context = tier(attempt);
    let charged = || charge(&standing.pricing, &attempt.usage, &ChargeContext::of_tier(context.as_deref()));
    was_counted.then(charged).flatten()
}

/// The class in which it was served, where the provider's usage object says so.
fn tier(attempt: &Entry) -> Option<String> {
    let raw: serde_json::Value = serde_json::from_str(attempt.raw_usage.as_deref()?).ok()?;
    raw.get("service_tier")?.as_str().map(str::to_owned)
}

/// Whether another class than the standard one would have cost something else, and the row does not say which it was.
fn is_assumed(attempt: &Entry, pricing: &Pricing) -> bool {
    if tier(attempt).is_some() {
        return false;
    }
    let at = |service| charge(pricing, &attempt.usage, &ChargeContext { service, ..ChargeContext::default() });
    [ServiceClass::Flex, ServiceClass::Priority].into_iter().any(|class| at(class) != at(ServiceClass::Standard))
}
