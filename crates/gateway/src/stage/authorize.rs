//! Stage 3: [`Call`] -> [`Grant`]. Pure: the virtual key's grant, and those of its tenant, team and user, against the operation and against the model that will
//! really be asked, by whatever name the client called it.

use std::sync::Arc;

use keyward_domain::denial::Denial;
use keyward_domain::dialect::{Dialect, Operation};
use keyward_domain::provider::ProviderKind;
use keyward_domain::token::Environment;

use crate::snapshot::{Deployment, KeyEntry, ProviderEntry, Route, Unresolved};
use crate::stage::arrive::Arrival;
use crate::stage::read::{Call, Payload};

/// A refusal repeats at most this many characters of a name.
const MAX_ECHOED_NAME: usize = 64;

/// A call that its key may make, and the deployments that may serve it.
pub(crate) struct Grant {
    pub(crate) call: Box<Call>,
    /// Where the name leads; nowhere for operations that Keyward answers itself.
    pub(crate) route: Arc<Route>,
    /// What of it the key may use and what speaks the dialect, as listed.
    pub(crate) targets: Vec<Arc<Deployment>>,
    _proof: (),
}

impl Grant {
    /// Whether Keyward answers this itself.
    pub(crate) fn is_answered_here(&self) -> bool {
        self.call.operation == Operation::ListModels
    }
}

/// Decides whether the caller may do this. Lists show what a key may use, so every key may ask for them.
pub(crate) fn grant(arrival: &mut Arrival, call: Box<Call>) -> Result<Grant, Denial> {
    let key = call.caller.key();
    if call.operation == Operation::ListModels {
        return Ok(Grant { call, route: Arc::default(), targets: Vec::new(), _proof: () });
    }
    if !may_do(key, call.operation) {
        return Err(Denial::OperationNotAllowed(call.operation.as_str()));
    }
    let named = call.model.as_deref().filter(|name| !name.is_empty()).ok_or_else(no_model)?;
    check_body(&call, named)?;
    let route = resolve(key, named)?;
    arrival.model = Some(Arc::clone(&route.name));
    let mut targets: Vec<_> =
        route.targets.iter().filter(|target| may_use(key, &route.name, target)).cloned().collect();
    let Some(first) = targets.first().cloned() else {
        return Err(Denial::ModelNotAllowed(route.name.to_string()));
    };
    targets.retain(|target| target.provider.kind.speaks(arrival.dialect));
    if targets.is_empty() {
        return Err(untranslatable(&first, arrival.dialect));
    }
    Ok(Grant { call, route, targets, _proof: () })
}

/// Whether the key and everybody above it allow this operation.
pub(crate) fn may_do(key: &KeyEntry, operation: Operation) -> bool {
    key.record.grant.allows_operation(operation) && key.chain.allows_operation(operation)
}

/// Whether the key may use whatever a provider has.
pub(crate) fn may_use_all(key: &KeyEntry, provider: &ProviderEntry) -> bool {
    let all = format!("{}/*", provider.name);
    is_for(key, provider) && key.record.grant.allows_model(&[&all]) && key.chain.allows_model(&[&all])
}

/// Whether the key and everybody above it allow this deployment under this name: the one rule for calls, lists and
/// suggestions.
pub(crate) fn may_use(key: &KeyEntry, name: &str, target: &Deployment) -> bool {
    let names = [name, &target.qualified, &target.model];
    is_for(key, &target.provider) && key.record.grant.allows_model(&names) && key.chain.allows_model(&names)
}

/// A test key reaches the sandbox and nothing else.
fn is_for(key: &KeyEntry, provider: &ProviderEntry) -> bool {
    key.record.environment != Environment::Test || provider.kind == ProviderKind::Sandbox
}

/// Where a name leads, or what a caller may be told instead.
pub(crate) fn resolve(key: &KeyEntry, named: &str) -> Result<Arc<Route>, Denial> {
    let world = &key.world;
    world.resolve(named).map_err(|unresolved| match unresolved {
        Unresolved::Unknown => {
            Denial::ModelNotFound(cut(named), world.similar(named, |name, target| may_use(key, name, target)))
        }
        Unresolved::Ambiguous(targets) => {
            let allowed = targets.iter().filter(|target| may_use(key, named, target));
            Denial::ModelAmbiguous(cut(named), allowed.map(|target| target.provider.name.to_string()).collect())
        }
    })
}

fn cut(name: &str) -> String {
    name.chars().take(MAX_ECHOED_NAME).collect()
}

/// Gemini names the model in the path; a body that names another one is refused, because the provider might follow it.
/// So is a body that tries to steer where the call goes.
fn check_body(call: &Call, named: &str) -> Result<(), Denial> {
    if let Some(forbidden) = call.payload.forbidden() {
        return Err(Denial::UnsupportedParameter(forbidden));
    }
    let Payload::Json(_, facts) = &call.payload else { return Ok(()) };
    let disagrees = call.model_in_path
        && facts.nested_models.iter().any(|model| model.text.strip_prefix("models/").unwrap_or(&model.text) != named);
    if disagrees {
        return Err(Denial::InvalidRequest(
            "The body names another model than the path. Name the same one in both.".to_owned(),
            Some("model"),
        ));
    }
    Ok(())
}

fn no_model() -> Denial {
    Denial::InvalidRequest("The request names no model. Set `model`.".to_owned(), Some("model"))
}

fn untranslatable(target: &Deployment, asked: Dialect) -> Denial {
    let (target, speaks) = (&target.qualified, target.provider.kind.native_dialect());
    Denial::Untranslatable(format!(
        "`{target}` speaks the {} API and was asked in the {} API. Translation is not available in this version: \
         use that provider's own SDK with this server's address, or another model.",
        speaks.as_str(),
        asked.as_str()
    ))
}
