use keyward_domain::credential::Credential;
use keyward_domain::port::Change;
use keyward_domain::principal::Action;
use serde::Deserialize;
use utoipa::ToSchema;

use super::KeyView;
use super::add::refuse_taken_name;
use super::life::refuse_final;
use super::terms::{TermsChange, differences};
use crate::control::{Control, check_revision};
use crate::error::AdminError;
use crate::field::{Name, Reference};
use crate::operation::{Operation, Permit};

/// Changes a provider key's name or the terms on which it is used. What is left out stays as it is; the secret stays
/// the same.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateKey {
    /// Its id, its name, or `provider/name`.
    pub key: Reference,
    /// The revision that the change is based on.
    pub if_match: Option<u64>,
    /// A new name.
    pub name: Option<Name>,
    /// What changes about its terms.
    pub terms: Option<TermsChange>,
}

impl Operation for UpdateKey {
    type Output = KeyView;
    const NAME: &'static str = "key.update";
    const ACTION: Action = Action::Write;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<KeyView, AdminError> {
        let records = control.records().await?;
        let old = Control::find_key(&records, &self.key)?;
        let provider = Control::provider_of(&records, old)?;
        check_revision(self.if_match, old.revision)?;
        refuse_final(old, provider)?;
        let mut key = old.clone();
        if let Some(name) = self.name.map(Name::into_string).filter(|name| *name != old.name) {
            refuse_taken_name(&records, provider, &name)?;
            key.name = name;
        }
        if let Some(change) = self.terms {
            key.terms = change.over(key.terms, control.now())?;
        }
        if key != *old {
            key.revision += 1;
            let detail = format!("{}/{}: {}", provider.name, old.name, described(old, &key));
            control.commit(permit, vec![Change::PutCredential(key.clone())], &key.id, &detail).await?;
        }
        Ok(KeyView::of(control, &key, provider))
    }

    fn revision(output: &KeyView) -> Option<u64> {
        Some(output.revision)
    }
}

/// Which parts changed, by name.
fn described(old: &Credential, new: &Credential) -> String {
    let renamed = (old.name != new.name).then(|| format!("name {}", new.name));
    let changed = differences(&old.terms, &new.terms).into_iter().map(str::to_owned);
    renamed.into_iter().chain(changed).collect::<Vec<_>>().join(", ")
}
