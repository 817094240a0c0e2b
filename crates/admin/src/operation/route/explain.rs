use keyward_domain::alias::TargetOrder;
use keyward_domain::ancestry::Ancestry;
use keyward_domain::ids::TenantId;
use keyward_domain::principal::Action;
use keyward_domain::virtual_key::VirtualKey;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::TargetView;
use crate::control::{Control, Lead, Target, Way};
use crate::error::AdminError;
use crate::field::{ModelId, Reference};
use crate::operation::{Operation, Permit};

/// Explains what would become of a call for a model now: which deployments in which order, which key of each and why not
/// the others, and what would be gone on to on failure. With a virtual key also whether it may. Nothing is sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplainRoute {
    /// What a client would send as `model`: an alias, `provider/model`, or a bare name.
    pub model: ModelId,
    /// The virtual key's id or name.
    pub vkey: Option<Reference>,
}

/// What would become of a call.
#[derive(Debug, Serialize, ToSchema)]
pub struct RouteView {
    /// The name that was asked about.
    pub model: String,
    /// `route`, `ambiguous` (several providers have it; say which), `nowhere`.
    pub leads: &'static str,
    /// Names to use instead, when it leads nowhere or to several.
    pub instead: Vec<String>,
    /// The virtual key's name.
    pub vkey: Option<String>,
    /// Why the virtual key gets nothing, whatever the keys say.
    pub refused: Option<String>,
    /// In which order the targets are tried: `listed`, `weighted` (by chance), `cost_optimized` (by what the call may
    /// cost), `latency`.
    pub order: Option<&'static str>,
    /// Who would serve the call; `null` when nobody would.
    pub served_by: Option<ServedView>,
    /// What may serve it, in the order in which it would be tried.
    pub targets: Vec<TargetView>,
    /// What would be gone on to when the targets fail.
    pub fallbacks: Vec<FallbackView>,
}

/// Who would serve a call.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServedView {
    /// `provider/model`.
    pub deployment: String,
    /// The key's name; `null` where none is needed.
    pub key: Option<String>,
    /// The fallback that it would take to get there: `overloaded` or `any`.
    pub by_fallback: Option<&'static str>,
}

/// What is gone on to for one kind of trouble.
#[derive(Debug, Serialize, ToSchema)]
pub struct FallbackView {
    /// `context_too_long`, `content_policy`, `overloaded`, `any`.
    pub class: &'static str,
    /// What may serve then, as listed.
    pub targets: Vec<TargetView>,
}

impl Operation for ExplainRoute {
    type Output = RouteView;
    const NAME: &'static str = "route.explain";
    const ACTION: Action = Action::Read;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<RouteView, AdminError> {
        let records = control.records().await?;
        let vkey = self.vkey.as_ref().map(|reference| Control::find_vkey(&records, reference)).transpose()?;
        let tenant = vkey.map_or(TenantId::DEFAULT, |vkey| vkey.tenant);
        let lead = control.pools().lead(tenant, self.model.as_str(), vkey.map(|vkey| vkey.id));
        let is_off_above = vkey.is_some_and(|vkey| !Ancestry::of(&records).chain(vkey).is_enabled());
        let off = is_off_above.then(|| "its tenant, its team or its user is switched off".to_owned());
        let refused = vkey.and_then(|vkey| inactive(control, vkey)).or(off);
        Ok(view(control, self.model.as_str(), (vkey, refused), lead))
    }
}

fn view(
    control: &Control,
    model: &str,
    (vkey, refused): (Option<&VirtualKey>, Option<String>),
    lead: Lead,
) -> RouteView {
    let blank = RouteView {
        model: model.to_owned(),
        leads: "nowhere",
        instead: Vec::new(),
        vkey: vkey.map(|vkey| vkey.name.clone()),
        refused,
        order: None,
        served_by: None,
        targets: Vec::new(),
        fallbacks: Vec::new(),
    };
    let way = match lead {
        Lead::To(way) => way,
        Lead::Several(instead) => return RouteView { leads: "ambiguous", instead, ..blank },
        Lead::Nowhere(instead) => return RouteView { instead, ..blank },
    };
    let order = way.order.as_str();
    let is_alone = way.targets.len() + way.fallback.len() <= 1;
    let (targets, fallbacks) = seen(control, way, is_alone);
    let none_allowed = !targets.is_empty() && targets.iter().all(|target| target.allowed == Some(false));
    let refused = blank.refused.or_else(|| none_allowed.then(|| "it may not use this model".to_owned()));
    let served_by = if refused.is_some() { None } else { served_by(&targets, &fallbacks) };
    RouteView { leads: "route", order: Some(order), refused, served_by, targets, fallbacks, ..blank }
}

fn inactive(control: &Control, vkey: &VirtualKey) -> Option<String> {
    vkey.check_active(control.now()).err().map(|_| "the virtual key is not in use (expired, revoked or off)".to_owned())
}

fn seen(control: &Control, way: Way, is_alone: bool) -> (Vec<TargetView>, Vec<FallbackView>) {
    let targets = in_order(control, way.order, way.targets);
    let of = |targets: Vec<Target>, is_alone| -> Vec<TargetView> {
        targets.iter().map(|target| TargetView::of(control, target, is_alone)).collect()
    };
    let fallbacks = way
        .fallback
        .into_iter()
        .map(|(class, targets)| FallbackView { class: class.as_str(), targets: of(targets, false) });
    let fallbacks = fallbacks.collect();
    (of(targets, is_alone), fallbacks)
}

/// The targets in the order in which a call like many would try them. Where chance decides, the likeliest first.
fn in_order(control: &Control, order: TargetOrder, mut targets: Vec<Target>) -> Vec<Target> {
    let moment = control.moment();
    match order {
        TargetOrder::Listed => {}
        TargetOrder::Weighted => targets.sort_by_key(|target| std::cmp::Reverse(target.weight)),
        TargetOrder::CostOptimized => {
            targets.sort_by_key(|target| target.typical_cost.map_or(i64::MAX, |most| most.0));
        }
        TargetOrder::Latency => targets.sort_by_key(|target| target.pool.typical_latency(&target.model, moment)),
    }
    targets
}

/// The first that can: of the targets, else of the fallbacks for want of keys.
fn served_by(targets: &[TargetView], fallbacks: &[FallbackView]) -> Option<ServedView> {
    let of = |target: &TargetView, by_fallback| ServedView {
        deployment: target.deployment.clone(),
        key: target.chosen.clone(),
        by_fallback,
    };
    let first = targets.iter().find(|target| target.serves).map(|target| of(target, None));
    let later = fallbacks
        .iter()
        .filter(|fallback| matches!(fallback.class, "overloaded" | "any"))
        .flat_map(|fallback| fallback.targets.iter().map(|target| (fallback.class, target)))
        .find(|(_, target)| target.serves);
    first.or_else(|| later.map(|(class, target)| of(target, Some(class))))
}
