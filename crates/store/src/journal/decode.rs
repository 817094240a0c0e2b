//! Reading back what [`super::encode`] wrote. `None`: the payload is not what its kind says, although the checksum is
//! right, so another version wrote it.

use std::sync::Arc;
use std::time::Duration;

use keyward_domain::call_name::CallName;
use keyward_domain::ids::{CredentialId, ProviderId, RequestId, TeamId, TenantId, UserId};
use keyward_domain::ledger::{AttemptId, Attributed, Entry, Refusal, Subject};
use keyward_domain::money::Nanodollars;
use keyward_domain::time::Timestamp;
use keyward_domain::token::TokenId;

use super::encode::{ATTRIBUTED, COST, END_USER, FIRST_CONTENT, NAMED, NO_TEXT, RESERVED, STREAMED, TEAM, USER};
use crate::code;

/// A reservation's payload.
pub(super) fn reservation(payload: &[u8]) -> Option<Subject> {
    let mut from = Payload(payload);
    let subject = subject(&mut from)?;
    from.end(subject)
}

/// A settlement's payload.
pub(super) fn settlement(payload: &[u8]) -> Option<Entry> {
    let mut from = Payload(payload);
    let subject = subject(&mut from)?;
    let entry = ending(&mut from, subject)?;
    from.end(entry)
}

/// A refusal's payload.
pub(super) fn refusal(payload: &[u8]) -> Option<Refusal> {
    let mut from = Payload(payload);
    let request = RequestId::from_bytes(from.array()?);
    let at = Timestamp::from_unix_millis(i64::from_le_bytes(from.array()?));
    let tenant = TenantId::from_bytes(from.array()?);
    let virtual_key = TokenId::from_bits(u64::from_le_bytes(from.array()?));
    let [dialect, operation, low, high] = from.array()?;
    let refusal = Refusal {
        request,
        at,
        tenant,
        virtual_key,
        requested_model: from.text()?.into(),
        dialect: code::dialect(dialect)?,
        operation: if operation == 0 { None } else { Some(code::operation(operation)?) },
        code: from.text()?.into(),
        status: u16::from_le_bytes([low, high]),
    };
    from.end(refusal)
}

fn subject(from: &mut Payload<'_>) -> Option<Subject> {
    let request = RequestId::from_bytes(from.array()?);
    let at = Timestamp::from_unix_millis(i64::from_le_bytes(from.array()?));
    let tenant = TenantId::from_bytes(from.array()?);
    let virtual_key = TokenId::from_bits(u64::from_le_bytes(from.array()?));
    let provider = ProviderId::from_bytes(from.array()?);
    let credential = CredentialId::from_bytes(from.array()?);
    let [number, dialect, operation, flags] = from.array()?;
    let reserved = if flags & RESERVED == 0 { None } else { Some(from.amount()?) };
    let (provider_name, credential_name) = (from.text()?.into(), from.text()?.into());
    let (requested_model, model, price_version) = (from.text()?.into(), from.text()?.into(), from.text()?.into());
    let attributed = if flags & ATTRIBUTED == 0 { None } else { Some(Arc::new(attribution(from)?)) };
    let named = if flags & NAMED == 0 { None } else { Some(Arc::new(call_name(from)?)) };
    Some(Subject {
        attempt: AttemptId { request, number },
        at,
        tenant,
        virtual_key,
        provider,
        provider_name,
        credential,
        credential_name,
        requested_model,
        model,
        dialect: code::dialect(dialect)?,
        operation: code::operation(operation)?,
        streamed: flags & STREAMED != 0,
        reserved,
        price_version,
        attributed,
        trace: None,
        named,
    })
}

fn call_name(from: &mut Payload<'_>) -> Option<CallName> {
    Some(CallName { name: from.array()?, fingerprint: from.array()? })
}

fn attribution(from: &mut Payload<'_>) -> Option<Attributed> {
    let [flags] = from.array()?;
    let team = if flags & TEAM == 0 { None } else { Some(TeamId::from_bytes(from.array()?)) };
    let user = if flags & USER == 0 { None } else { Some(UserId::from_bytes(from.array()?)) };
    let end_user = if flags & END_USER == 0 { None } else { Some(from.text()?.into()) };
    let [tags] = from.array()?;
    let tags = (0..tags).map(|_| from.text().map(Arc::from)).collect::<Option<_>>()?;
    Some(Attributed { team, user, end_user, tags })
}

fn ending(from: &mut Payload<'_>, subject: Subject) -> Option<Entry> {
    let [flags, outcome, source, low, high] = from.array()?;
    let cost = if flags & COST == 0 { None } else { Some(from.amount()?) };
    let duration = from.length()?;
    let first_content = if flags & FIRST_CONTENT == 0 { None } else { Some(from.length()?) };
    let overhead = from.length()?;
    let buckets = from.buckets()?;
    let raw_usage = match from.text_length()? {
        NO_TEXT => None,
        length => Some(from.text_of(length)?.into()),
    };
    Some(Entry {
        subject,
        outcome: code::outcome(outcome)?,
        status: u16::from_le_bytes([low, high]),
        usage: code::usage(buckets),
        source: code::source(source)?,
        cost,
        raw_usage,
        duration,
        first_content,
        overhead,
    })
}

/// The bytes that are still to be read.
struct Payload<'b>(&'b [u8]);

impl<'b> Payload<'b> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*array)
    }

    fn amount(&mut self) -> Option<Nanodollars> {
        Some(Nanodollars(i64::from_le_bytes(self.array()?)))
    }

    fn length(&mut self) -> Option<Duration> {
        self.varint().map(Duration::from_micros)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let [byte] = self.array()?;
            number |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn buckets(&mut self) -> Option<[u64; code::BUCKETS]> {
        let used = u16::from_le_bytes(self.array()?);
        if used >> code::BUCKETS != 0 {
            return None;
        }
        let mut buckets = [0; code::BUCKETS];
        for (number, bucket) in buckets.iter_mut().enumerate() {
            if used & (1 << number) != 0 {
                *bucket = self.varint()?;
            }
        }
        Some(buckets)
    }

    fn text(&mut self) -> Option<&'b str> {
        let length = self.text_length()?;
        self.text_of(length)
    }

    fn text_length(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn text_of(&mut self, length: u16) -> Option<&'b str> {
        let (text, rest) = self.0.split_at_checked(usize::from(length))?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    /// The value, when nothing is left over.
    fn end<T>(self, value: T) -> Option<T> {
        self.0.is_empty().then_some(value)
    }
}
