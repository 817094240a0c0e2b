use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use keyward_domain::alias::{Alias, TargetOrder};
use keyward_domain::ids::TenantId;
use keyward_domain::port::{Change, Records};
use keyward_domain::principal::Action;
use keyward_domain::routing::FallbackClass;
use serde::Deserialize;
use utoipa::ToSchema;

use super::AliasView;
use crate::control::{Control, MAX_TARGETS, check_revision, leads_back};
use crate::error::AdminError;
use crate::field::{Name, Target, Weight};
use crate::operation::{Operation, Permit};

/// Creates an alias, or changes what it stands for. Of an alias that exists, the strategy and the fallbacks stay as they
/// are when they are left out, and the weights when the targets are the same as before.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetAlias {
    /// What clients send as `model`.
    pub name: Name,
    /// The revision that the change is based on.
    pub if_match: Option<u64>,
    /// `provider/model`, in order of preference; 1 to 16.
    pub targets: Vec<Target>,
    /// In which order the targets are tried: `listed`, `weighted` (by chance, by their weights), `cost_optimized` (the
    /// cheapest first), `latency` (the quickest first).
    #[schema(value_type = Option<String>)]
    pub strategy: Option<TargetOrder>,
    /// Share of the calls of each target, in the order of `targets`: numbers from 1 to 1000. Makes the strategy
    /// `weighted` when none is named.
    #[schema(value_type = Option<Vec<u16>>)]
    pub weights: Option<Vec<Weight>>,
    /// `provider/model` to go on to when the targets cannot serve, by what stood in the way: `context_too_long`,
    /// `content_policy`, `overloaded`, or `any`; up to 16 each. They take the place of all before; empty for none.
    #[schema(value_type = Option<BTreeMap<String, Vec<Target>>>)]
    pub fallback: Option<BTreeMap<FallbackClass, Vec<Target>>>,
}

impl Operation for SetAlias {
    type Output = AliasView;
    const NAME: &'static str = "alias.set";
    const ACTION: Action = Action::Write;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<AliasView, AdminError> {
        if self.targets.is_empty() || self.targets.len() > MAX_TARGETS {
            return Err(AdminError::invalid_field("targets", "an alias has 1 to 16 targets"));
        }
        let records = control.records().await?;
        let old = records.aliases.iter().find(|alias| alias.name == self.name.as_str());
        check_revision(self.if_match, old.map_or(0, |alias| alias.revision))?;
        let alias = self.over(old)?;
        check_providers(&records, &alias)?;
        check_fallbacks(&alias)?;
        let detail = described(&alias);
        control.commit(permit, vec![Change::PutAlias(alias.clone())], &alias.name, &detail).await?;
        Ok(AliasView::of(&alias))
    }

    fn revision(output: &AliasView) -> Option<u64> {
        Some(output.revision)
    }
}

impl SetAlias {
    /// The alias as it is to be, over what it was.
    fn over(self, old: Option<&Alias>) -> Result<Alias, AdminError> {
        let targets: Vec<_> = self.targets.into_iter().map(Target::into_string).collect();
        let before = old.map_or_else(TargetOrder::default, |alias| alias.order);
        let given = self.weights.map(|weights| weights.into_iter().map(|weight| weight.0).collect::<Vec<_>>());
        let order = self.strategy.unwrap_or(if given.is_some() { TargetOrder::Weighted } else { before });
        if given.as_ref().is_some_and(|weights| weights.len() != targets.len()) {
            return Err(AdminError::invalid_field("weights", "give as many weights as there are targets"));
        }
        if given.is_some() && order != TargetOrder::Weighted {
            let message = "weights count with the strategy `weighted` alone: leave one of the two out";
            return Err(AdminError::invalid_field("weights", message));
        }
        let kept = old.filter(|alias| alias.targets == targets && order == TargetOrder::Weighted);
        let weights = given.or_else(|| kept.map(|alias| alias.weights.clone())).unwrap_or_default();
        let fallback = match self.fallback {
            Some(fallback) => as_texts(fallback),
            None => old.map(|alias| alias.fallback.clone()).unwrap_or_default(),
        };
        Ok(Alias {
            tenant: TenantId::DEFAULT,
            name: self.name.into_string(),
            targets,
            order,
            weights,
            fallback,
            revision: old.map_or(0, |alias| alias.revision) + 1,
        })
    }
}

fn as_texts(fallback: BTreeMap<FallbackClass, Vec<Target>>) -> BTreeMap<FallbackClass, Vec<String>> {
    let named = fallback.into_iter().filter(|(_, targets)| !targets.is_empty());
    named.map(|(class, targets)| (class, targets.into_iter().map(Target::into_string).collect())).collect()
}

fn check_providers(records: &Records, alias: &Alias) -> Result<(), AdminError> {
    for target in alias.targets.iter().chain(alias.fallback.values().flatten()) {
        let provider = target.split('/').next().unwrap_or_default();
        if !records.providers.iter().any(|known| known.name == provider) {
            return Err(AdminError::not_found("provider", provider));
        }
    }
    Ok(())
}

fn check_fallbacks(alias: &Alias) -> Result<(), AdminError> {
    for (class, fallbacks) in &alias.fallback {
        let wrong = |what: &str| {
            let message = format!("the fallback for `{}`: {what}", class.as_str());
            Err(AdminError::invalid_field("fallback", message))
        };
        if fallbacks.len() > MAX_TARGETS {
            return wrong("at most 16 deployments");
        }
        if fallbacks.iter().collect::<BTreeSet<_>>().len() < fallbacks.len() {
            return wrong("a deployment is named twice");
        }
        if let Some(why) = fallbacks.iter().find_map(|fallback| leads_back(*class, fallback, &alias.targets)) {
            return wrong(why);
        }
    }
    Ok(())
}

/// What the audit log says about it.
fn described(alias: &Alias) -> String {
    let mut said = format!("{}: {}", alias.order.as_str(), alias.targets.join(", "));
    for (class, fallbacks) in &alias.fallback {
        // Writing to a string cannot fail.
        let _ = write!(said, "; {} -> {}", class.as_str(), fallbacks.join(", "));
    }
    said
}
