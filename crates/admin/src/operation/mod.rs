//! What can be asked of the control plane: one type per operation, in a file of its own. The type is the input; its
//! fields are already checked when it exists. [`Operation::run`] asks the permission rule first and hands the
//! operation a [`Permit`], without which nothing can be committed.

pub mod admin_token;
pub mod alias;
pub mod audit;
pub mod budget;
pub mod event;
mod grant;
pub mod health;
mod in_use;
pub mod key;
pub mod lease;
pub mod limit;
pub mod model;
pub mod price;
pub mod provider;
pub mod request;
pub mod route;
pub mod status;
pub mod team;
pub mod tenant;
pub mod usage;
pub mod user;
pub mod vault;
pub mod vkey;

use std::future::Future;

use keyward_domain::principal::{Action, Decision, Principal, Realm, Resource, authorize};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use crate::control::{Control, Feed, Pages};
use crate::error::AdminError;

/// One thing that can be asked. The implementing type is the input.
pub trait Operation: DeserializeOwned + ToSchema + Send + 'static {
    /// What it answers.
    type Output: Serialize + ToSchema + Send + 'static;

    /// `noun.verb`: the audit log's action and the API's operation id.
    const NAME: &'static str;

    /// What the permission rule is asked.
    const ACTION: Action;

    /// What it works on. Unless an operation says that less is enough, it is for those who see the whole installation.
    const RESOURCE: Resource = Resource::Installation;

    /// What the answer is written in.
    const CONTENT_TYPE: &'static str = "application/json";

    /// Does it. Call [`Operation::run`] instead; the permit is the proof that somebody asked the rule.
    fn perform(
        self,
        control: &Control,
        permit: &Permit<'_>,
    ) -> impl Future<Output = Result<Self::Output, AdminError>> + Send;

    /// Asks the permission rule, then does it.
    fn run(
        self,
        control: &Control,
        principal: &Principal,
    ) -> impl Future<Output = Result<Self::Output, AdminError>> + Send {
        async move {
            let permit = Permit::of::<Self>(principal)?;
            permit.perform(self, control).await
        }
    }

    /// The revision of what is answered, for the `ETag` header.
    fn revision(_output: &Self::Output) -> Option<u64> {
        None
    }

    /// The answer as a stream of what happens, when that is what was asked for.
    fn as_feed(_output: &mut Self::Output) -> Option<Feed> {
        None
    }

    /// The answer as text that is written page by page, when it has no end that fits into memory. Pages are read past
    /// the wall between tenants, so this is for operations on the whole installation only.
    fn as_pages(_output: &mut Self::Output) -> Option<Pages> {
        None
    }

    /// The answer as text of another type than JSON, when the input asked for that: content type and text.
    fn as_text(_output: &Self::Output) -> Option<(&'static str, String)> {
        None
    }
}

/// The proof that this principal may do this operation. Only the permission rule makes one.
#[derive(Debug)]
pub struct Permit<'a> {
    principal: &'a Principal,
    name: &'static str,
}

impl<'a> Permit<'a> {
    /// Asks the permission rule. The only maker of permits.
    pub(crate) fn of<O: Operation>(principal: &'a Principal) -> Result<Self, AdminError> {
        match authorize(principal, O::ACTION, O::RESOURCE) {
            Decision::Allowed => Ok(Self { principal, name: O::NAME }),
            Decision::Needs(role) => {
                tracing::warn!(principal = %principal.label(), operation = O::NAME, "refused: the role is too low");
                Err(AdminError::NeedsRole(role))
            }
            Decision::BeyondRealm => {
                tracing::warn!(principal = %principal.label(), operation = O::NAME, "refused: it is beyond the realm");
                Err(AdminError::BeyondRealm)
            }
        }
    }

    /// Does it, with what is in the realm of who asks. What they were told is not there is kept in the audit log: it may
    /// be somebody else's.
    pub(crate) async fn perform<O: Operation>(&self, operation: O, control: &Control) -> Result<O::Output, AdminError> {
        let realm = self.principal.realm();
        if realm == Realm::Installation {
            return operation.perform(control, self).await;
        }
        let control = control.within(realm);
        let answer = operation.perform(&control, self).await;
        if let Err(AdminError::NotFound(_, called)) = &answer {
            control.note_refusal(self, called).await?;
        }
        answer
    }

    /// Who asks.
    pub const fn principal(&self) -> &'a Principal {
        self.principal
    }

    /// What they ask, as the audit log calls it.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

/// The answer of operations that take something away.
#[derive(Debug, Serialize, ToSchema)]
pub struct Removed {
    /// What was removed, by its id or name.
    pub removed: String,
}
