use keyward_domain::budget::{Budget, MAX_TOP_UPS, TopUp};
use keyward_domain::time::Timestamp;
use keyward_domain::window::Zone;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::error::AdminError;
use crate::field::{LocalMoment, Usd};

/// More money until a moment.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TopUpInput {
    /// How much more, in US dollars.
    pub usd: Usd,
    /// Up to when: with an offset, or as the clock on the wall shows it in the budget's zone.
    pub until: LocalMoment,
}

/// Puts top-ups over those of a budget. Those that have ended go.
pub(super) fn change(
    budget: &mut Budget,
    another: Option<&TopUpInput>,
    all: Option<&[TopUpInput]>,
    now: Timestamp,
) -> Result<(), AdminError> {
    budget.top_ups.retain(|top_up| now < top_up.until);
    if let Some(all) = all {
        let made = all.iter().map(|input| made("top_ups", input, &budget.windows.zone, now));
        budget.top_ups = made.collect::<Result<_, _>>()?;
    }
    if let Some(another) = another {
        budget.top_ups.push(made("top_up", another, &budget.windows.zone, now)?);
    }
    budget.top_ups.sort_by_key(|top_up| top_up.until);
    if budget.top_ups.len() > MAX_TOP_UPS {
        let message = format!("a budget has at most {MAX_TOP_UPS} top-ups: take one away first, or raise the amount");
        let field = if another.is_some() { "top_up" } else { "top_ups" };
        return Err(AdminError::invalid_field(field, message));
    }
    Ok(())
}

fn made(field: &'static str, input: &TopUpInput, zone: &Zone, now: Timestamp) -> Result<TopUp, AdminError> {
    let until = input.until.in_zone(zone).filter(|until| *until > now);
    let message = "a top-up ends in the future: give a later moment";
    Ok(TopUp { amount: input.usd.0, until: until.ok_or_else(|| AdminError::invalid_field(field, message))? })
}
