//! What pools learn.

use std::time::Duration;

use keyward_domain::binding::{Binding, BindingHash};
use keyward_domain::ids::{CredentialId, ProviderId, RequestId, TenantId};
use keyward_domain::judgement::Trouble;
use keyward_domain::lease::{Lease, LeaseState};
use keyward_domain::money::Nanodollars;
use keyward_domain::standing::{Cause, KeyEvent, KeyStanding, Standing};
use keyward_domain::time::Timestamp;
use keyward_domain::token::TokenId;

use super::START;

/// This many seconds after the tests begin.
pub fn at(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

/// The key came to this standing so many seconds after the tests begin.
pub fn event(seconds: u64, credential: u128, model: Option<&str>, standing: Standing) -> KeyEvent {
    let now = KeyStanding {
        credential: CredentialId::from_bits(credential),
        model: model.map(str::to_owned),
        standing,
        reason: "the provider answered 429".to_owned(),
        trouble: Some(Trouble::RateLimited),
        cause: Cause::Answer { request: RequestId::from_bits(seconds.into()), status: 429 },
        since: at(seconds),
    };
    KeyEvent { at: at(seconds), from: Standing::Active, now }
}

/// A standing that ends by itself.
pub fn cooling(until: u64) -> Standing {
    Standing::Cooling { until: at(until) }
}

pub fn binding(hash: u128, credential: u128, seconds: u64) -> Binding {
    Binding { hash: BindingHash::from_bits(hash), credential: CredentialId::from_bits(credential), at: at(seconds) }
}

/// A lease that was just taken, for a minute.
pub fn lease(n: u64) -> Lease {
    Lease {
        id: RequestId::from_parts(at(n), [3; 10]),
        tenant: TenantId::DEFAULT,
        virtual_key: TokenId::from_bits(5),
        provider: ProviderId::from_bits(11),
        provider_name: "openai".to_owned(),
        credential: CredentialId::from_bits(12),
        credential_name: "primary".to_owned(),
        model: Some("gpt-4o-mini".to_owned()),
        taken_at: at(n),
        expires_at: at(n + 60),
        reserved: Some(Nanodollars(5_000)),
        state: LeaseState::Open,
        ended_at: None,
        outcome: String::new(),
        attributed: None,
    }
}

/// The lease, ended half a minute after it was taken.
pub fn over(lease: &Lease, state: LeaseState, outcome: &str) -> Lease {
    let ended_at = Some(lease.taken_at.plus(Duration::from_secs(30)));
    Lease { state, ended_at, outcome: outcome.to_owned(), ..lease.clone() }
}
