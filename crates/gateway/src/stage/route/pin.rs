//! Calls that refer to what one account holds go to that account, or fail clearly.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use keyward_domain::denial::Denial;
use keyward_pool::Account;

use crate::bindings::{Held, Home};
use crate::snapshot::{Deployment, Pooled};
use crate::stage::admit::Hold;
use crate::stage::read::Payload;
use crate::worker::Worker;

const GONE: &str = "The request refers to a response, file, conversation or encrypted item of a provider account that is \
     not here any more. Start over without that reference.";
const APART: &str = "The request refers to things of different provider accounts, and no account can serve both. Start \
     over without one of them.";
const UNKNOWN: &str = "The request refers to a response, file, conversation or encrypted item that was not made through \
     this server or too long ago, so it is not known which of several provider accounts holds it. Start over without \
     that reference; or, if all keys of the provider belong to one account, ask the operator to give them the same \
     `quota_group`.";

/// The account that the call has to go to, if it has to; `deployments` keeps those that lead there.
pub(super) fn account(
    worker: &Worker,
    hold: &Hold,
    deployments: &mut VecDeque<Arc<Deployment>>,
) -> Result<Option<Account>, Denial> {
    let Payload::Json(_, facts) = &hold.grant.call.payload else { return Ok(None) };
    let tenant = hold.grant.call.caller.key().record.tenant;
    let account = match worker.shared.bindings.home(tenant, &facts.bound) {
        Home::Anywhere => return Ok(None),
        Home::Unknown => match only_account(deployments)? {
            Some(account) => account,
            None => return Ok(None),
        },
        Home::With(holder) => account_of(deployments, holder).ok_or(Denial::AffinityUnavailable(GONE))?,
        Home::Apart(one, other) => {
            let account = account_of(deployments, one).ok_or(Denial::AffinityUnavailable(GONE))?;
            if account_of(deployments, other) != Some(account) {
                return Err(Denial::AffinityUnavailable(APART));
            }
            account
        }
    };
    deployments.retain(|deployment| holds(deployment, account));
    Ok(Some(account))
}

/// The key's account as it is now; when the key is gone, the account that it had, if another key of it is here.
fn account_of(deployments: &VecDeque<Arc<Deployment>>, held: Held) -> Option<Account> {
    let key = deployments.iter().find_map(|deployment| deployment.provider.credentials.get(&held.credential));
    let account = key.map(|pooled| account_of_key(pooled)).or(held.account)?;
    deployments.iter().any(|deployment| holds(deployment, account)).then_some(account)
}

fn holds(deployment: &Deployment, account: Account) -> bool {
    deployment.provider.credentials.values().any(|pooled| account_of_key(pooled) == account)
}

/// The only account that it could be; none where no keys are used, and a refusal where there are several.
fn only_account(deployments: &VecDeque<Arc<Deployment>>) -> Result<Option<Account>, Denial> {
    let keys = deployments.iter().flat_map(|deployment| deployment.provider.credentials.values());
    let accounts: BTreeSet<_> =
        keys.filter(|pooled| !pooled.record.state.is_off()).map(|key| account_of_key(key)).collect();
    if accounts.len() > 1 {
        return Err(Denial::AffinityUnavailable(UNKNOWN));
    }
    Ok(accounts.into_iter().next())
}

fn account_of_key(pooled: &Pooled) -> Account {
    let Pooled { id, record, .. } = pooled;
    Account::of(record.provider, *id, record.terms.quota_group.as_deref())
}
