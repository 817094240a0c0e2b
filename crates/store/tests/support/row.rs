//! Ledger rows.

use std::time::Duration;

use keyward_domain::dialect::{Dialect, Operation};
use keyward_domain::ids::{CredentialId, ProviderId, RequestId, TenantId};
use keyward_domain::ledger::{AttemptId, AttemptOutcome, Entry, Refusal, Subject};
use keyward_domain::money::Nanodollars;
use keyward_domain::token::TokenId;
use keyward_domain::usage::{Usage, UsageSource};

use super::START;

/// What every reservation of [`subject`] reserves.
pub const RESERVED: Nanodollars = Nanodollars(5_000);
/// What every row of [`entry`] costs.
pub const COST: Nanodollars = Nanodollars(1_234);

/// The id of the n-th request; each comes a second after the one before.
pub fn request(n: u32) -> RequestId {
    let mut random = [7; 10];
    random[..4].copy_from_slice(&n.to_be_bytes());
    RequestId::from_parts(START.plus(Duration::from_secs(n.into())), random)
}

pub fn subject(n: u32) -> Subject {
    Subject {
        attempt: AttemptId { request: request(n), number: 1 },
        at: START.plus(Duration::from_secs(n.into())),
        tenant: TenantId::DEFAULT,
        virtual_key: TokenId::from_bits(u64::MAX - 1),
        provider: ProviderId::from_bits(11),
        provider_name: "openai".into(),
        credential: CredentialId::from_bits(12),
        credential_name: "primary".into(),
        requested_model: "fast".into(),
        model: "gpt-4o-mini".into(),
        dialect: Dialect::OpenAi,
        operation: Operation::Chat,
        streamed: true,
        reserved: Some(RESERVED),
        price_version: "2026-11-01".into(),
        attributed: None,
        trace: None,
        named: None,
    }
}

pub fn entry(n: u32) -> Entry {
    Entry {
        subject: subject(n),
        outcome: AttemptOutcome::Completed,
        status: 200,
        usage: Usage { input_uncached: 100, cache_read: 20, output: 30, reasoning: 4, ..Usage::default() },
        source: UsageSource::Provider,
        cost: Some(COST),
        raw_usage: Some(r#"{"prompt_tokens":120,"completion_tokens":34}"#.into()),
        duration: Duration::from_micros(1_500_250),
        first_content: Some(Duration::from_micros(300_125)),
        overhead: Duration::from_micros(55),
    }
}

/// The same attempt with another ending.
pub fn ended(n: u32, outcome: AttemptOutcome) -> Entry {
    Entry { outcome, ..entry(n) }
}

/// Another attempt of the same request.
pub fn attempt(n: u32, number: u8) -> Entry {
    let mut entry = entry(n);
    entry.subject.attempt.number = number;
    entry
}

/// A row with everything that a row can have, or can lack.
pub fn odd(n: u32) -> Entry {
    let mut entry = entry(n);
    entry.subject.reserved = None;
    entry.subject.streamed = false;
    entry.subject.price_version = "".into();
    entry.subject.requested_model = "modèle-漢字".into();
    entry.subject.dialect = Dialect::Gemini;
    entry.subject.operation = Operation::CountTokens;
    entry.cost = None;
    entry.raw_usage = None;
    entry.first_content = None;
    entry.status = 0;
    entry.outcome = AttemptOutcome::Cut;
    entry.source = UsageSource::Partial;
    entry.usage = Usage {
        input_uncached: 1,
        cache_read: 2,
        cache_write_5m: 3,
        cache_write_1h: 4,
        input_audio: 5,
        input_image: 6,
        output: 7,
        reasoning: 8,
        output_audio: 9,
        output_image: 10,
        images: 11,
        input_audio_ms: 12,
        input_characters: u64::MAX,
        searches: 1 << 40,
    };
    entry
}

pub fn refusal(n: u32) -> Refusal {
    Refusal {
        request: request(n),
        at: START.plus(Duration::from_secs(n.into())),
        tenant: TenantId::DEFAULT,
        virtual_key: TokenId::from_bits(u64::MAX - 1),
        requested_model: "gpt-9".into(),
        dialect: Dialect::Anthropic,
        operation: None,
        code: "model_not_found".into(),
        status: 404,
    }
}
