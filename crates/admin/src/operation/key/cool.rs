use keyward_domain::principal::Action;
use keyward_domain::time::Timestamp;
use keyward_pool::Cooled;
use serde::Deserialize;
use utoipa::ToSchema;

use super::KeyView;
use super::life::refuse_final;
use crate::control::Control;
use crate::error::AdminError;
use crate::field::{Length, Moment, Reference};
use crate::operation::{Operation, Permit};

/// Lets a key rest: it gets no new calls until a time, and is back then by itself. Give `for` or `until`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CoolKey {
    /// Its id, its name, or `provider/name`.
    pub key: Reference,
    /// For how long, such as `10m`.
    #[serde(rename = "for")]
    pub length: Option<Length>,
    /// Until when.
    pub until: Option<Moment>,
}

impl Operation for CoolKey {
    type Output = KeyView;
    const NAME: &'static str = "key.cooldown_set";
    const ACTION: Action = Action::Write;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<KeyView, AdminError> {
        let until = self.end(control.now())?;
        let records = control.records().await?;
        let key = Control::find_key(&records, &self.key)?;
        let provider = Control::provider_of(&records, key)?;
        refuse_final(key, provider)?;
        refuse_unpooled(control, key, provider)?;
        // Audited first: nothing happens that the log does not have.
        let detail = format!("{}/{}: until {}", provider.name, key.name, Moment(until));
        control.commit(permit, Vec::new(), &key.id, &detail).await?;
        let cooled = control.pools().registry().cool(key.id, until, &permit.principal().label(), control.moment());
        if cooled == Cooled::StaysSuspect {
            return Err(AdminError::WrongState(format!(
                "The provider does not accept the key `{}`, so it is not used anyway and would not be fit when the time is \
                 over. Test it, or replace it.",
                key.name
            )));
        }
        control.keep_standings().await?;
        Ok(KeyView::of(control, key, provider))
    }
}

impl CoolKey {
    fn end(&self, now: Timestamp) -> Result<Timestamp, AdminError> {
        let until = match (self.length, self.until) {
            (Some(length), None) => now.plus(length.get()),
            (None, Some(until)) => until.0,
            _ => {
                return Err(AdminError::invalid_field("for", "say how long, with either `for` or `until`: \"10m\""));
            }
        };
        if until <= now {
            return Err(AdminError::invalid_field("until", "this moment is over already"));
        }
        if until > now.plus(Length::MOST) {
            return Err(AdminError::invalid_field("until", "a key rests for 366 days at most; disable it instead"));
        }
        Ok(until)
    }
}

/// Refuses for a key of which no pool knows anything.
pub(super) fn refuse_unpooled(
    control: &Control,
    key: &keyward_domain::credential::Credential,
    provider: &keyward_domain::provider::Provider,
) -> Result<(), AdminError> {
    if control.known(key).is_some() {
        return Ok(());
    }
    let name = &provider.name;
    Err(AdminError::WrongState(format!(
        "The provider `{name}` is disabled, so none of its keys is used. Enable it with `keyward provider update {name} \
         --enabled true`."
    )))
}
