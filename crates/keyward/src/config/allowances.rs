//! `budgets:` and `limits:` of the config: what callers may spend and how fast they may call.

use keyward_admin::error::AdminError;
use keyward_admin::field::{Amount, DollarsPerMillion, Edit, LocalMoment, PeriodText, ReachText, Share, Usd, ZoneName};
use keyward_admin::operation::budget::{SetBudget, TopUpInput};
use keyward_admin::operation::limit::SetLimit;
use keyward_domain::budget::{self, BudgetKind, HoldMode, Mode, UnknownPrice};
use keyward_domain::ids::{BudgetId, LimitId, TenantId};
use keyward_domain::limit::{self, LimitPeriod, MAX_QUOTA, Meter, OnLoss};
use keyward_domain::money::Picodollars;
use keyward_domain::scope::{Reach, Scope, ScopeKind};
use keyward_domain::time::Timestamp;
use keyward_domain::window::WeekStart;

use super::checked::{FileBudget, FileLimit};
use super::node::Value;
use super::section::{Field, Names, Section};

/// Groups of scopes that are named one by one.
const NAMED: [(&str, ScopeKind); 9] = [
    ("tenants", ScopeKind::Tenant),
    ("teams", ScopeKind::Team),
    ("users", ScopeKind::User),
    ("end_users", ScopeKind::EndUser),
    ("vkeys", ScopeKind::VirtualKey),
    ("tags", ScopeKind::Tag),
    ("providers", ScopeKind::Provider),
    ("keys", ScopeKind::Credential),
    ("models", ScopeKind::Model),
];

/// What each of a kind has for itself.
const EACH: [(&str, ScopeKind); 9] = [
    ("per_tenant", ScopeKind::Tenant),
    ("per_team", ScopeKind::Team),
    ("per_user", ScopeKind::User),
    ("per_end_user", ScopeKind::EndUser),
    ("per_vkey", ScopeKind::VirtualKey),
    ("per_tag", ScopeKind::Tag),
    ("per_provider", ScopeKind::Provider),
    ("per_key", ScopeKind::Credential),
    ("per_model", ScopeKind::Model),
];

/// Every name under which budgets and limits may stand, `global` first.
#[cfg(test)]
pub(super) const SCOPES: [&str; 19] = [
    "global",
    "tenants",
    "teams",
    "users",
    "end_users",
    "vkeys",
    "tags",
    "providers",
    "keys",
    "models",
    "per_tenant",
    "per_team",
    "per_user",
    "per_end_user",
    "per_vkey",
    "per_tag",
    "per_provider",
    "per_key",
    "per_model",
];

pub(super) const BUDGETS: Names = Names {
    known: &[
        "unknown_price",
        "global",
        "tenants",
        "teams",
        "users",
        "end_users",
        "vkeys",
        "tags",
        "providers",
        "keys",
        "models",
        "per_tenant",
        "per_team",
        "per_user",
        "per_end_user",
        "per_vkey",
        "per_tag",
        "per_provider",
        "per_key",
        "per_model",
    ],
    later: &[],
};
const UNKNOWN_PRICE: Names = Names { known: &["ceiling_usd_per_million_tokens"], later: &[] };
pub(super) const BUDGET: Names = Names {
    known: &["usd", "per", "zone", "week_starts", "month_day", "soft", "observe", "hold", "alert_at", "top_ups"],
    later: &[],
};
pub(super) const TOP_UP: Names = Names { known: &["usd", "until"], later: &[] };
pub(super) const LIMIT: Names = Names {
    known: &["rpm", "tpm", "rps", "rph", "rpd", "concurrency", "meter", "quota", "per", "burst", "observe", "on_loss"],
    later: &[],
};

/// Meter and period of the short names.
const SHORT: [(&str, Meter, Option<LimitPeriod>); 6] = [
    ("rpm", Meter::Requests, Some(LimitPeriod::Minute)),
    ("tpm", Meter::Tokens, Some(LimitPeriod::Minute)),
    ("rps", Meter::Requests, Some(LimitPeriod::Second)),
    ("rph", Meter::Requests, Some(LimitPeriod::Hour)),
    ("rpd", Meter::Requests, Some(LimitPeriod::Day)),
    ("concurrency", Meter::Concurrency, None),
];

/// Every budget of the file.
pub fn budgets(section: &Section<'_>) -> Vec<FileBudget> {
    let mut budgets: Vec<FileBudget> = Vec::new();
    for (reach, field) in scopes(section) {
        let Some(budget) = budget(reach, field) else { continue };
        let same = |other: &&FileBudget| other.set.scope == budget.set.scope && other.set.per == budget.set.per;
        let (place, path) = (&budget.place, &budget.path);
        if let Some(first) = budgets.iter().find(same) {
            let what = format!("has this window already: the first is at {}", first.place);
            section.report().add(place, path, what);
        }
        if budgets.iter().filter(|other| other.set.scope == budget.set.scope).count() == budget::MAX_PER_REACH {
            section.report().add(place, path, format!("takes at most {} budgets", budget::MAX_PER_REACH));
        }
        if budgets.len() == budget::MAX_BUDGETS {
            section.report().add(
                place,
                path,
                format!("is one too many: a file has at most {} budgets", budget::MAX_BUDGETS),
            );
            break;
        }
        budgets.push(budget);
    }
    budgets
}

/// Every limit of the file that is set on a scope.
pub fn limits(section: &Section<'_>) -> Vec<FileLimit> {
    let mut limits: Vec<FileLimit> = Vec::new();
    for (reach, field) in scopes(section) {
        for limit in limits_of(&reach, field) {
            let same = |other: &&FileLimit| {
                (&other.set.scope, other.set.meter, other.set.per) == (&limit.set.scope, limit.set.meter, limit.set.per)
            };
            let (place, path) = (&limit.place, &limit.path);
            if let Some(first) = limits.iter().find(same) {
                let what = format!("has this meter and period already: the first is at {}", first.place);
                section.report().add(place, path, what);
            }
            if limits.iter().filter(|other| other.set.scope == limit.set.scope).count() == limit::MAX_PER_REACH {
                section.report().add(place, path, format!("takes at most {} limits", limit::MAX_PER_REACH));
            }
            if limits.len() == limit::MAX_LIMITS {
                let what = format!("is one too many: a file has at most {} limits", limit::MAX_LIMITS);
                section.report().add(place, path, what);
                return limits;
            }
            limits.push(limit);
        }
    }
    limits
}

/// What budgets do with calls whose price is unknown.
pub fn unknown_price(section: &Section<'_>) -> UnknownPrice {
    let Some(field) = section.field("unknown_price") else { return UnknownPrice::default() };
    if !matches!(field.node.value, Value::Map(_)) {
        let what = "takes `refuse`, or what a token may cost at most: `{ ceiling_usd_per_million_tokens: 100 }`";
        if field.text().is_some_and(|text| text != "refuse") {
            field.wrong(what);
        }
        return UnknownPrice::Refuse;
    }
    let (place, path) = (field.node.place.clone(), field.path.clone());
    let group = field.section(&UNKNOWN_PRICE);
    let Some(ceiling) = group.field("ceiling_usd_per_million_tokens") else {
        group.report().add(&place, &path, "needs `ceiling_usd_per_million_tokens`");
        return UnknownPrice::Refuse;
    };
    match ceiling.parsed::<DollarsPerMillion>() {
        Some(DollarsPerMillion(0)) => {
            ceiling
                .wrong("takes more than 0: nothing would be counted; declare models free with `keyward model price`");
            UnknownPrice::Refuse
        }
        Some(DollarsPerMillion(price)) => UnknownPrice::Ceiling(Picodollars(price)),
        None => UnknownPrice::Refuse,
    }
}

/// Every scope that something is set on, with what is set there, one by one.
fn scopes<'a>(section: &Section<'a>) -> Vec<(ReachText, Field<'a>)> {
    let mut found = Vec::new();
    if let Some(field) = section.field("global") {
        found.extend(each_of(field).into_iter().map(|field| (ReachText::One(ScopeKind::Global, String::new()), field)));
    }
    for (name, kind) in NAMED {
        let Some(group) = section.field(name) else { continue };
        for entry in group.entries() {
            let field = group.child(entry);
            match ReachText::one(kind, &entry.name) {
                Ok(reach) => found.extend(each_of(field).into_iter().map(|field| (reach.clone(), field))),
                Err(rule) => field.wrong(rule),
            }
        }
    }
    for (name, kind) in EACH {
        if let Some(field) = section.field(name) {
            found.extend(each_of(field).into_iter().map(|field| (ReachText::Each(kind, None), field)));
        }
    }
    found
}

/// One, or a list of several.
fn each_of(field: Field<'_>) -> Vec<Field<'_>> {
    if matches!(field.node.value, Value::List(_)) { field.items() } else { vec![field] }
}

fn budget(scope: ReachText, field: Field<'_>) -> Option<FileBudget> {
    let (place, path) = (field.node.place.clone(), field.path.clone());
    let is_group = matches!(field.node.value, Value::Map(_));
    let section = field.section(&BUDGET);
    if !is_group {
        return None;
    }
    let is_on = |name: &str| section.field(name).and_then(|field| field.boolean()).unwrap_or(false);
    let holds = [("adaptive", HoldMode::Adaptive), ("strict", HoldMode::Strict)];
    let days = WeekStart::ALL.map(|day| (day.as_str(), day));
    let set = SetBudget {
        usd: section.field("usd").and_then(|field| field.parsed::<Amount>()),
        per: section.field("per").and_then(|field| field.parsed::<PeriodText>()),
        zone: section.field("zone").and_then(|field| field.parsed::<ZoneName>()),
        week_starts: section.field("week_starts").and_then(|field| field.word(&days)),
        month_day: section.field("month_day").and_then(|field| field.number(1..=28)),
        kind: is_on("soft").then_some(BudgetKind::Soft),
        mode: is_on("observe").then_some(Mode::Observe),
        hold: section.field("hold").and_then(|field| field.word(&holds)),
        alert_at: section.field("alert_at").map(|field| shares(&field)),
        top_ups: section.field("top_ups").map(|field| top_ups(&field)),
        ..SetBudget::on(scope)
    };
    // What could not be read was told already.
    let is_read = |name: &str, read: bool| read || section.field(name).is_none();
    if !is_read("usd", set.usd.is_some()) || !is_read("per", set.per.is_some()) {
        return None;
    }
    let on = (TenantId::DEFAULT, Reach::One(Scope::Global));
    match set.made(BudgetId::from_bits(0), on.0, on.1, Timestamp::EPOCH) {
        Ok(_) => Some(FileBudget { set, place, path }),
        Err(error) => {
            tell(&section, &place, &path, &error);
            None
        }
    }
}

/// Those that have ended may stay in the file: they count no more.
fn top_ups(field: &Field<'_>) -> Vec<TopUpInput> {
    let top_up = |item: Field<'_>| {
        let (place, path) = (item.node.place.clone(), item.path.clone());
        let is_group = matches!(item.node.value, Value::Map(_));
        let section = item.section(&TOP_UP);
        let (usd, until) = (section.field("usd"), section.field("until"));
        if is_group && (usd.is_none() || until.is_none()) {
            section.report().add(&place, &path, "needs `usd`, how much more, and `until`, up to when");
        }
        let (usd, until) = (usd?.parsed::<Usd>(), until?.parsed::<LocalMoment>());
        Some(TopUpInput { usd: usd?, until: until? })
    };
    field.items().into_iter().filter_map(top_up).collect()
}

fn shares(field: &Field<'_>) -> Vec<Share> {
    let share = |item: &Field<'_>| Share::from_fraction(item.text()?).map_err(|rule| item.wrong(rule)).ok();
    field.items().iter().filter_map(share).collect()
}

/// Every limit that one group of fields names.
fn limits_of(scope: &ReachText, field: Field<'_>) -> Vec<FileLimit> {
    let (place, path) = (field.node.place.clone(), field.path.clone());
    let is_group = matches!(field.node.value, Value::Map(_));
    let section = field.section(&LIMIT);
    if !is_group {
        return Vec::new();
    }
    let quota = |name: &str| section.field(name).and_then(|field| field.number(0..=MAX_QUOTA));
    let meters = Meter::ALL.map(|meter| (meter.as_str(), meter));
    let periods = LimitPeriod::ALL.map(|period| (period.as_str(), period));
    let policies = OnLoss::ALL.map(|policy| (policy.as_str(), policy));
    let observes = section.field("observe").and_then(|field| field.boolean()).unwrap_or(false);
    let burst = quota("burst").map_or(Edit::Keep, Edit::To);
    let on_loss = section.field("on_loss").and_then(|field| field.word(&policies));

    let short = SHORT.iter().filter_map(|(name, meter, per)| Some((*meter, *per, quota(name)?)));
    let per = section.field("per").and_then(|field| field.word(&periods));
    let long = section.field("meter").and_then(|field| field.word(&meters));
    let long = long.zip(quota("quota")).map(|(meter, quota)| (meter, per, quota));
    let mut limits = Vec::new();
    for (meter, per, quota) in short.chain(long) {
        let set = SetLimit {
            burst: burst.clone(),
            mode: observes.then_some(Mode::Observe),
            on_loss,
            ..SetLimit::on(scope.clone(), meter, per, Some(quota))
        };
        let on = (TenantId::DEFAULT, Reach::One(Scope::Global));
        match set.made(LimitId::from_bits(0), on.0, on.1, Timestamp::EPOCH) {
            Ok(_) => limits.push(FileLimit { set, place: place.clone(), path: path.clone() }),
            Err(error) => tell(&section, &place, &path, &error),
        }
    }
    let names_some = SHORT.iter().map(|(name, ..)| *name).chain(["meter"]).any(|name| section.field(name).is_some());
    let has_half = section.field("meter").is_some() != section.field("quota").is_some();
    if !names_some || has_half {
        let what = "needs a limit: rpm, tpm, rps, rph, rpd or concurrency, or `{ meter: output_tokens, quota: 1000, per: \
                    minute }`";
        section.report().add(&place, &path, what);
    }
    limits
}

/// Puts a refusal at the field that it blames, or at the group when that was not written.
fn tell(section: &Section<'_>, place: &super::node::Place, path: &str, error: &AdminError) {
    match error.param().and_then(|param| section.field(param)) {
        Some(field) => field.wrong(error.message()),
        None => section.report().add(place, path, error.message()),
    }
}
