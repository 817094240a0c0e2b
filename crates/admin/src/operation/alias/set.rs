use keyward_domain::alias::Alias;
use keyward_domain::ids::TenantId;
use keyward_domain::port::Change;
use keyward_domain::principal::Action;
use serde::Deserialize;
use utoipa::ToSchema;

use super::AliasView;
use crate::control::{Control, check_revision};
use crate::error::AdminError;
use crate::field::{Name, Target};
use crate::operation::{Operation, Permit};

/// How many targets one alias has at most.
const MAX_TARGETS: usize = 16;

/// Creates an alias, or changes what it stands for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetAlias {
    /// What clients send as `model`.
    pub name: Name,
    /// The revision that the change is based on.
    pub if_match: Option<u64>,
    /// `provider/model`, in order of preference; 1 to 16.
    pub targets: Vec<Target>,
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
        for target in &self.targets {
            let (provider, _) = target.parts();
            if !records.providers.iter().any(|known| known.name == provider) {
                return Err(AdminError::not_found("provider", provider));
            }
        }
        let old = records.aliases.iter().find(|alias| alias.name == self.name.as_str());
        check_revision(self.if_match, old.map_or(0, |alias| alias.revision))?;
        let alias = Alias {
            tenant: TenantId::DEFAULT,
            name: self.name.into_string(),
            targets: self.targets.into_iter().map(Target::into_string).collect(),
            revision: old.map_or(0, |alias| alias.revision) + 1,
        };
        let detail = alias.targets.join(", ");
        control.commit(permit, vec![Change::PutAlias(alias.clone())], &alias.name, &detail).await?;
        Ok(AliasView::of(&alias))
    }

    fn revision(output: &AliasView) -> Option<u64> {
        Some(output.revision)
    }
}
