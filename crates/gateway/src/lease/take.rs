//! Taking a lease.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use keyward_domain::audit::AuditDraft;
use keyward_domain::denial::Denial;
use keyward_domain::ids::AuditId;
use keyward_domain::lease::{Lease, LeaseState};
use keyward_domain::ledger::Attributed;
use keyward_domain::port::Amounts;
use keyward_domain::principal::Principal;
use keyward_domain::secret::Secret;
use keyward_vault::{Place, VaultError};

use super::choose::{self, Chosen, Wanted};
use super::wire::{Taken, Wish};
use super::{MAX_OPEN, OnDesk, OpenLease, answer, with_store};
use crate::body::Body;
use crate::claims;
use crate::snapshot::{Deployment, Pooled, ProviderEntry};
use crate::stage::arrive::Arrival;
use crate::stage::authenticate::Caller;
use crate::stage::authorize::{self, may_use};
use crate::stage::read;
use crate::worker::Worker;

/// How long a lease lasts unless the caller says so, and at most.
const USUAL_LIFE: Duration = Duration::from_mins(5);
const LONGEST_LIFE: Duration = Duration::from_hours(1);
/// Tokens that a lease is taken to need when the caller does not say.
const USUAL_INPUT: u64 = 8_192;
const USUAL_OUTPUT: u64 = 4_096;
/// The largest wish, in bytes.
const MAX_WISH: u64 = 16 * 1024;

/// Hands out the best key for what is wished.
pub(super) async fn lease(
    worker: &Rc<Worker>,
    arrival: &Arrival,
    caller: &Caller,
    request: Request<Incoming>,
) -> Result<Response<Body>, Denial> {
    let attributed = claims::attributed(caller.key(), request.headers())?;
    let priority = claims::priority(caller.key(), request.headers())?;
    let wish: Wish = read::small_json(worker, request, MAX_WISH).await?;
    if worker.shared.leases.leases().len() >= MAX_OPEN {
        return Err(Denial::Overloaded("Too many leases are open."));
    }
    let wanted = Wanted {
        key: caller.key(),
        model: wish.model.as_deref().unwrap_or_default(),
        options: &options(caller, &wish)?,
        amounts: amounts(&wish),
        attributed: attributed.as_deref(),
        priority,
    };
    let chosen = choose::key(worker, arrival, &wanted).await?;
    let secret = match open(worker, &chosen.target.provider, &chosen.pooled) {
        Ok(secret) => secret,
        Err(denial) => {
            chosen.give_back(worker);
            return Err(denial);
        }
    };
    let lease = record(worker, arrival, caller, &wish, &chosen, attributed);
    let base_url = chosen.target.provider.base.to_string();
    let Chosen { target, claim, held, .. } = chosen;
    // On the desk first: should the caller hang up now, its time runs out like that of any other.
    let (claim, target) = (Some(claim), Some(target));
    worker.shared.leases.put(OpenLease { record: lease.clone(), claim, target, held });
    keep(worker, caller, &lease).await?;
    answer(arrival, StatusCode::CREATED, &taken(&lease, base_url, &secret)?)
}

fn taken<'a>(lease: &'a Lease, base_url: String, secret: &'a Secret) -> Result<Taken<'a>, Denial> {
    Ok(Taken {
        id: lease.id.to_string(),
        object: "lease",
        provider: &lease.provider_name,
        model: lease.model.as_deref(),
        key: &lease.credential_name,
        secret: text(secret)?,
        base_url,
        expires_at: jiff::Timestamp::from_millisecond(lease.expires_at.unix_millis()).unwrap_or_default().to_string(),
        report: format!("/v1/leases/{}/report", lease.id),
    })
}

/// The tokens that a lease is taken for.
fn amounts(wish: &Wish) -> Amounts {
    Amounts {
        input_tokens: wish.max_input_tokens.unwrap_or(USUAL_INPUT),
        output_tokens: wish.max_output_tokens.unwrap_or(USUAL_OUTPUT),
    }
}

/// What the caller may have of what he wishes.
fn options(caller: &Caller, wish: &Wish) -> Result<Vec<Arc<Deployment>>, Denial> {
    let key = caller.key();
    let wanted = |provider: &ProviderEntry| wish.provider.as_deref().is_none_or(|name| *provider.name == *name);
    if let Some(model) = &wish.model {
        let route = authorize::resolve(key, model)?;
        let may = |target: &&Arc<Deployment>| wanted(&target.provider) && may_use(key, &route.name, target);
        let options: Vec<_> = route.targets.iter().filter(may).cloned().collect();
        return if options.is_empty() { Err(Denial::ModelNotAllowed(route.name.to_string())) } else { Ok(options) };
    }
    let Some(name) = wish.provider.as_deref() else {
        return Err(invalid("Say what the lease is for: `model`, `provider`, or both."));
    };
    let provider = key.world.providers.get(name).ok_or_else(|| invalid("There is no such provider here."))?;
    if !authorize::may_use_all(key, provider) {
        return Err(Denial::ModelNotAllowed(format!("{name}/*")));
    }
    Ok(vec![key.world.any_of(provider)])
}

/// The key itself. This is the one place where the data plane hands a provider key to a caller.
fn open(worker: &Worker, provider: &ProviderEntry, pooled: &Pooled) -> Result<Secret, Denial> {
    if pooled.record.envelope.is_empty() {
        return Ok(Secret::new(Vec::new()));
    }
    let damaged = |why: &str| Denial::NoUsableKey(vec![(pooled.name.to_string(), why.to_owned())]);
    if pooled.record.sealed_for.origin != provider.base.origin {
        return Err(damaged("sealed for another address: enter it again with `keyward key replace`"));
    }
    let place = Place::of_credential(&pooled.record);
    let secret = worker.shared.vault.open(&place, &pooled.record.envelope).map_err(|error| match error {
        VaultError::Locked => Denial::VaultLocked,
        _ => damaged("its sealed record is damaged: enter it again with `keyward key replace`"),
    })?;
    text(&secret)?;
    Ok(secret)
}

fn text(secret: &Secret) -> Result<&str, Denial> {
    str::from_utf8(secret.expose()).map_err(|_| invalid("The key is no text, so it cannot be handed out."))
}

fn record(
    worker: &Worker,
    arrival: &Arrival,
    caller: &Caller,
    wish: &Wish,
    chosen: &Chosen,
    attributed: Option<Arc<Attributed>>,
) -> Lease {
    let (key, provider, pooled) = (&caller.key().record, &chosen.target.provider, &chosen.pooled);
    let life = wish.ttl_seconds.map_or(USUAL_LIFE, Duration::from_secs).clamp(Duration::from_secs(1), LONGEST_LIFE);
    Lease {
        id: arrival.request,
        tenant: key.tenant,
        virtual_key: key.id,
        provider: provider.id,
        provider_name: provider.name.to_string(),
        credential: pooled.id,
        credential_name: pooled.name.to_string(),
        model: wish.model.is_some().then(|| chosen.target.model.to_string()),
        taken_at: chosen.at,
        expires_at: worker.now().plus(life),
        reserved: chosen.reserved,
        state: LeaseState::Open,
        ended_at: None,
        outcome: String::new(),
        attributed,
    }
}

/// Durable, with its audit entry, before the key leaves. A lease that cannot be kept is none.
async fn keep(worker: &Rc<Worker>, caller: &Caller, lease: &Lease) -> Result<(), Denial> {
    let (here, lease, audit) = (Rc::clone(worker), lease.clone(), audit(worker, caller, "lease.take", lease));
    // A task of its own on this event loop: a caller who hangs up must not leave a lease on the desk that nobody kept.
    let task = tokio::task::spawn_local(async move {
        let id = lease.id;
        let kept = match audit {
            Ok(audit) => with_store(&here, move |store| store.put_lease(&lease, Some(&audit))).await,
            Err(denial) => Err(denial),
        };
        if kept.is_err()
            && let Some(OnDesk::Open(lease)) = here.shared.leases.leases().remove(&id)
        {
            drop(lease.held.here(&here));
        }
        kept
    });
    task.await.unwrap_or(Err(Denial::Internal))
}

/// Who did what with which lease.
pub(super) fn audit(
    worker: &Worker,
    caller: &Caller,
    action: &'static str,
    lease: &Lease,
) -> Result<AuditDraft, Denial> {
    let now = worker.now();
    let id = AuditId::mint(now, &*worker.shared.entropy).map_err(|_| Denial::Internal)?;
    let what = lease.model.as_deref().unwrap_or("any model");
    let detail = format!("{}/{} for {what}", lease.provider_name, lease.credential_name);
    let draft = AuditDraft::done(id, now, &Principal::System, action, &lease.id).with_detail(&detail);
    Ok(AuditDraft { actor: format!("vkey:{}", caller.key().record.name), tenant: lease.tenant, ..draft })
}

fn invalid(what: &str) -> Denial {
    Denial::InvalidRequest(what.to_owned(), None)
}
