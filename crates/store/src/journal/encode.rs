//! What the request path writes, field by field into the writer's buffer: no allocation, no text formatting.

use std::time::Duration;

use keyward_domain::ledger::{Attributed, Entry, Refusal, Subject};
use keyward_domain::scope::MAX_TAGS;

use super::frame::{self, Kind};
use crate::code;

/// Names and models are cut to this many bytes.
const MAX_TEXT: usize = 1024;
/// The length that stands for "no text".
pub(super) const NO_TEXT: u16 = u16::MAX;

/// Bits of the flags of a subject and of an entry.
pub(super) const STREAMED: u8 = 1;
pub(super) const RESERVED: u8 = 2;
pub(super) const ATTRIBUTED: u8 = 4;
pub(super) const NAMED: u8 = 8;
/// Bits of what an attribution names.
pub(super) const TEAM: u8 = 1;
pub(super) const USER: u8 = 2;
pub(super) const END_USER: u8 = 4;
pub(super) const COST: u8 = 1;
pub(super) const FIRST_CONTENT: u8 = 2;

/// Appends a reservation.
pub(super) fn reservation(buffer: &mut Vec<u8>, of: &Subject) {
    frame::write(buffer, Kind::Reservation, |buffer| subject(buffer, of));
}

/// Appends a settlement. It repeats the subject, because the reservation's segment may be gone when it is read.
pub(super) fn settlement(buffer: &mut Vec<u8>, entry: &Entry) {
    frame::write(buffer, Kind::Settlement, |buffer| {
        subject(buffer, &entry.subject);
        ending(buffer, entry);
    });
}

/// Appends a refusal.
pub(super) fn refusal(buffer: &mut Vec<u8>, refusal: &Refusal) {
    frame::write(buffer, Kind::Refusal, |buffer| {
        buffer.extend_from_slice(&refusal.request.to_bytes());
        buffer.extend_from_slice(&refusal.at.unix_millis().to_le_bytes());
        buffer.extend_from_slice(&refusal.tenant.to_bytes());
        buffer.extend_from_slice(&refusal.virtual_key.bits().to_le_bytes());
        let operation = refusal.operation.map_or(0, code::number_of_operation);
        let [low, high] = refusal.status.to_le_bytes();
        buffer.extend_from_slice(&[code::number_of_dialect(refusal.dialect), operation, low, high]);
        text(buffer, &refusal.requested_model);
        text(buffer, &refusal.code);
    });
}

fn subject(buffer: &mut Vec<u8>, subject: &Subject) {
    buffer.extend_from_slice(&subject.attempt.request.to_bytes());
    buffer.extend_from_slice(&subject.at.unix_millis().to_le_bytes());
    buffer.extend_from_slice(&subject.tenant.to_bytes());
    buffer.extend_from_slice(&subject.virtual_key.bits().to_le_bytes());
    buffer.extend_from_slice(&subject.provider.to_bytes());
    buffer.extend_from_slice(&subject.credential.to_bytes());
    let flags = if subject.streamed { STREAMED } else { 0 }
        | if subject.reserved.is_some() { RESERVED } else { 0 }
        | if subject.attributed.is_some() { ATTRIBUTED } else { 0 }
        | if subject.named.is_some() { NAMED } else { 0 };
    buffer.extend_from_slice(&[
        subject.attempt.number,
        code::number_of_dialect(subject.dialect),
        code::number_of_operation(subject.operation),
        flags,
    ]);
    if let Some(reserved) = subject.reserved {
        buffer.extend_from_slice(&reserved.0.to_le_bytes());
    }
    text(buffer, &subject.provider_name);
    text(buffer, &subject.credential_name);
    text(buffer, &subject.requested_model);
    text(buffer, &subject.model);
    text(buffer, &subject.price_version);
    if let Some(attributed) = &subject.attributed {
        attribution(buffer, attributed);
    }
    if let Some(named) = &subject.named {
        buffer.extend_from_slice(&named.name);
        buffer.extend_from_slice(&named.fingerprint);
    }
}

fn attribution(buffer: &mut Vec<u8>, attributed: &Attributed) {
    let flags = if attributed.team.is_some() { TEAM } else { 0 }
        | if attributed.user.is_some() { USER } else { 0 }
        | if attributed.end_user.is_some() { END_USER } else { 0 };
    buffer.push(flags);
    if let Some(team) = attributed.team {
        buffer.extend_from_slice(&team.to_bytes());
    }
    if let Some(user) = attributed.user {
        buffer.extend_from_slice(&user.to_bytes());
    }
    if let Some(end_user) = &attributed.end_user {
        text(buffer, end_user);
    }
    let tags = attributed.tags.len().min(MAX_TAGS);
    buffer.push(u8::try_from(tags).unwrap_or_default());
    for tag in attributed.tags.iter().take(MAX_TAGS) {
        text(buffer, tag);
    }
}

fn ending(buffer: &mut Vec<u8>, entry: &Entry) {
    let flags =
        if entry.cost.is_some() { COST } else { 0 } | if entry.first_content.is_some() { FIRST_CONTENT } else { 0 };
    let [low, high] = entry.status.to_le_bytes();
    let (outcome, source) = (code::number_of_outcome(entry.outcome), code::number_of_source(entry.source));
    buffer.extend_from_slice(&[flags, outcome, source, low, high]);
    if let Some(cost) = entry.cost {
        buffer.extend_from_slice(&cost.0.to_le_bytes());
    }
    length(buffer, entry.duration);
    if let Some(first_content) = entry.first_content {
        length(buffer, first_content);
    }
    length(buffer, entry.overhead);
    usage(buffer, code::buckets(&entry.usage));
    match code::fitting_raw_usage(entry.raw_usage.as_deref()) {
        Some(raw) => sized(buffer, raw),
        None => buffer.extend_from_slice(&NO_TEXT.to_le_bytes()),
    }
}

/// A bitmap of the buckets that are not zero, then those.
fn usage(buffer: &mut Vec<u8>, buckets: [u64; code::BUCKETS]) {
    let place = buffer.len();
    buffer.extend_from_slice(&[0, 0]);
    let mut used = 0_u16;
    for (number, bucket) in buckets.into_iter().enumerate().filter(|(_, bucket)| *bucket != 0) {
        used |= 1 << number;
        varint(buffer, bucket);
    }
    buffer[place..place + 2].copy_from_slice(&used.to_le_bytes());
}

fn length(buffer: &mut Vec<u8>, length: Duration) {
    varint(buffer, code::micros(length));
}

/// Seven bits per byte, least significant first; the top bit says that more follow.
fn varint(buffer: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        let [low, ..] = number.to_le_bytes();
        buffer.push(low | 0x80);
        number >>= 7;
    }
    let [low, ..] = number.to_le_bytes();
    buffer.push(low);
}

fn text(buffer: &mut Vec<u8>, text: &str) {
    let cut = if text.len() > MAX_TEXT { text.floor_char_boundary(MAX_TEXT) } else { text.len() };
    sized(buffer, text.get(..cut).unwrap_or_default());
}

/// INVARIANT: callers pass texts far shorter than [`NO_TEXT`]: [`MAX_TEXT`] or `MAX_RAW_USAGE` bytes.
fn sized(buffer: &mut Vec<u8>, text: &str) {
    buffer.extend_from_slice(&u16::try_from(text.len()).unwrap_or_default().to_le_bytes());
    buffer.extend_from_slice(text.as_bytes());
}
