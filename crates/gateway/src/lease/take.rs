//! Taking a lease.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use keyward_domain::audit::AuditDraft;
use keyward_domain::cost::worst_case;
use keyward_domain::denial::Denial;
use keyward_domain::ids::AuditId;
use keyward_domain::lease::{Lease, LeaseState};
use keyward_domain::money::Nanodollars;
use keyward_domain::principal::Principal;
use keyward_domain::secret::Secret;
use keyward_pool::{ANY_MODEL, Ask, Claim, Outcome};
use keyward_vault::{Place, VaultError};

use super::wire::{Taken, Wish};
use super::{MAX_OPEN, OpenLease, answer, with_store};
use crate::body::Body;
use crate::snapshot::{Deployment, Pooled, ProviderEntry};
use crate::stage::arrive::Arrival;
use crate::stage::attempt;
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

/// What may serve a wish, in order: providers, each with the deployment if a model was named.
type Options = Vec<(Arc<ProviderEntry>, Option<Arc<Deployment>>)>;

/// Hands out the best key for what is wished.
pub(super) async fn lease(
    worker: &Rc<Worker>,
    arrival: &Arrival,
    caller: &Caller,
    request: Request<Incoming>,
) -> Result<Response<Body>, Denial> {
    let wish: Wish = read::small_json(worker, request, MAX_WISH).await?;
    if worker.shared.leases.leases().len() >= MAX_OPEN {
        return Err(Denial::Overloaded("Too many leases are open."));
    }
    let options = options(caller, &wish)?;
    let (provider, target, pooled, claim) = claim(worker, &wish, &options)?;
    let secret = match open(worker, &provider, &pooled) {
        Ok(secret) => secret,
        Err(denial) => {
            claim.report(&Outcome::Neutral, worker.moment());
            return Err(denial);
        }
    };
    let lease = record(worker, arrival, caller, &wish, (&provider, target.as_ref(), &pooled));
    let id = lease.id;
    // On the desk first: should the caller hang up now, its time runs out like that of any other.
    worker.shared.leases.put(OpenLease { record: lease.clone(), claim: Some(claim), target });
    if let Err(denial) = keep(worker, caller, lease.clone()).await {
        worker.shared.leases.leases().remove(&id);
        return Err(denial);
    }
    let taken = Taken {
        id: id.to_string(),
        object: "lease",
        provider: &lease.provider_name,
        model: lease.model.as_deref(),
        key: &lease.credential_name,
        secret: text(&secret)?,
        base_url: provider.base.to_string(),
        expires_at: jiff::Timestamp::from_millisecond(lease.expires_at.unix_millis()).unwrap_or_default().to_string(),
        report: format!("/v1/leases/{id}/report"),
    };
    answer(arrival, StatusCode::CREATED, &taken)
}

/// What the caller may have of what he wishes.
fn options(caller: &Caller, wish: &Wish) -> Result<Options, Denial> {
    let key = caller.key();
    let wanted = |provider: &ProviderEntry| wish.provider.as_deref().is_none_or(|name| *provider.name == *name);
    if let Some(model) = &wish.model {
        let route = authorize::resolve(key, model)?;
        let may = |target: &&Arc<Deployment>| wanted(&target.provider) && may_use(key, &route.name, target);
        let options: Options =
            route.targets.iter().filter(may).map(|one| (Arc::clone(&one.provider), Some(Arc::clone(one)))).collect();
        return if options.is_empty() { Err(Denial::ModelNotAllowed(route.name.to_string())) } else { Ok(options) };
    }
    let Some(name) = wish.provider.as_deref() else {
        return Err(invalid("Say what the lease is for: `model`, `provider`, or both."));
    };
    let provider = key.world.providers.get(name).ok_or_else(|| invalid("There is no such provider here."))?;
    if !authorize::may_use_all(key, provider) {
        return Err(Denial::ModelNotAllowed(format!("{name}/*")));
    }
    Ok(vec![(Arc::clone(provider), None)])
}

type Claimed = (Arc<ProviderEntry>, Option<Arc<Deployment>>, Arc<Pooled>, Claim);

fn claim(worker: &Worker, wish: &Wish, options: &Options) -> Result<Claimed, Denial> {
    let mut nothing = Vec::new();
    let (input, output) =
        (wish.max_input_tokens.unwrap_or(USUAL_INPUT), wish.max_output_tokens.unwrap_or(USUAL_OUTPUT));
    for (provider, target) in options {
        let ask = Ask {
            input_tokens: input,
            output_tokens: output,
            cost: target.as_ref().and_then(|target| most(wish, target)).unwrap_or(Nanodollars::ZERO),
            ..Ask::new(target.as_ref().map_or(ANY_MODEL, |target| &*target.model))
        };
        match worker.draw(|draw| provider.pool.choose(&ask, worker.moment(), draw)) {
            Ok(claim) => {
                let pooled = provider.credentials.get(&claim.credential()).cloned().ok_or(Denial::Internal)?;
                return Ok((Arc::clone(provider), target.clone(), pooled, claim));
            }
            Err(none) => nothing.push(none),
        }
    }
    Err(attempt::nothing_to_have(&nothing, wish.model.as_deref().unwrap_or_default(), worker.now()))
}

fn most(wish: &Wish, target: &Deployment) -> Option<Nanodollars> {
    let input = wish.max_input_tokens.unwrap_or(USUAL_INPUT);
    let output = wish.max_output_tokens.unwrap_or(USUAL_OUTPUT);
    worst_case(&target.pricing, input, output, 1)
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
    worker.shared.vault.open(&place, &pooled.record.envelope).map_err(|error| match error {
        VaultError::Locked => Denial::VaultLocked,
        _ => damaged("its sealed record is damaged: enter it again with `keyward key replace`"),
    })
}

fn text(secret: &Secret) -> Result<&str, Denial> {
    str::from_utf8(secret.expose()).map_err(|_| invalid("The key is no text, so it cannot be handed out."))
}

fn record(
    worker: &Worker,
    arrival: &Arrival,
    caller: &Caller,
    wish: &Wish,
    (provider, target, pooled): (&ProviderEntry, Option<&Arc<Deployment>>, &Pooled),
) -> Lease {
    let key = &caller.key().record;
    let now = worker.now();
    let life = wish.ttl_seconds.map_or(USUAL_LIFE, Duration::from_secs).clamp(Duration::from_secs(1), LONGEST_LIFE);
    Lease {
        id: arrival.request,
        tenant: key.tenant,
        virtual_key: key.id,
        provider: provider.id,
        provider_name: provider.name.to_string(),
        credential: pooled.id,
        credential_name: pooled.name.to_string(),
        model: target.map(|target| target.model.to_string()),
        taken_at: now,
        expires_at: now.plus(life),
        reserved: target.and_then(|target| most(wish, target)),
        state: LeaseState::Open,
        ended_at: None,
        outcome: String::new(),
    }
}

/// Durable, with its audit entry, before the key leaves.
async fn keep(worker: &Worker, caller: &Caller, lease: Lease) -> Result<(), Denial> {
    let audit = audit(worker, caller, "lease.take", &lease)?;
    with_store(worker, move |store| store.put_lease(&lease, Some(&audit))).await
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
