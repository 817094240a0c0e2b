//! Ledger rows to make spans from.

use std::time::Duration;

use keyward_domain::dialect::{Dialect, Operation};
use keyward_domain::ids::{CredentialId, ProviderId, RequestId, TenantId};
use keyward_domain::ledger::{AttemptId, AttemptOutcome, Entry, Subject};
use keyward_domain::money::Nanodollars;
use keyward_domain::time::Timestamp;
use keyward_domain::token::TokenId;
use keyward_domain::usage::{Usage, UsageSource};

/// What must never be in a span.
pub(super) const CANARY: &str = "canary-in-raw-usage";

/// A streamed chat that completed; its second attempt.
pub(super) fn completed() -> Entry {
    Entry {
        subject: Subject {
            attempt: AttemptId { request: RequestId::from_bits(0x0199_0000_0000_0000_0000_0000_0000_00ab), number: 2 },
            at: Timestamp::from_unix_millis(1_790_000_000_123),
            tenant: TenantId::DEFAULT,
            virtual_key: TokenId::from_bits(7),
            provider: ProviderId::from_bits(1),
            provider_name: "openai".into(),
            credential: CredentialId::from_bits(2),
            credential_name: "team-a".into(),
            requested_model: "fast".into(),
            model: "gpt-4o-mini".into(),
            dialect: Dialect::OpenAi,
            operation: Operation::Chat,
            streamed: true,
            reserved: Some(Nanodollars(90_000)),
            price_version: "2026-11-01".into(),
            attributed: None,
            trace: None,
            named: None,
        },
        outcome: AttemptOutcome::Completed,
        status: 200,
        usage: Usage {
            input_uncached: 100,
            cache_read: 40,
            cache_write_5m: 3,
            cache_write_1h: 4,
            output: 20,
            reasoning: 5,
            ..Usage::default()
        },
        source: UsageSource::Provider,
        cost: Some(Nanodollars(12_750)),
        raw_usage: Some(format!("{{\"note\":\"{CANARY}\"}}").into()),
        duration: Duration::from_micros(1_500_250),
        first_content: Some(Duration::from_millis(250)),
        overhead: Duration::from_micros(85),
    }
}

/// Rows of as many requests.
pub(super) fn many(requests: u32) -> Vec<Entry> {
    (1..=requests).map(|request| numbered(request.into())).collect()
}

fn numbered(request: u128) -> Entry {
    let mut entry = completed();
    entry.subject.attempt.request = RequestId::from_bits(request);
    entry
}
