//! Numbers that count things.

/// The greatest count that is believed: what every JSON implementation carries exactly.
const MAX_COUNT: u64 = 1 << 53;

/// A member that should be a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    /// `null`.
    Absent,
    /// A whole number from 0 to 2^53.
    Is(u64),
    /// Negative, fractional, absurdly large, or no number at all.
    Bad,
}

/// Reads a count. `25.0` is 25, because some programs know only floating point.
pub(crate) fn count(value: &[u8]) -> Count {
    if value == b"null" {
        return Count::Absent;
    }
    let (whole, fraction) = split(value);
    if whole.is_empty() || !fraction.iter().all(|digit| *digit == b'0') {
        return Count::Bad;
    }
    match digits(whole) {
        Some(count) if count <= MAX_COUNT => Count::Is(count),
        _ => Count::Bad,
    }
}

/// Reads a time in seconds as milliseconds, rounded up.
pub(crate) fn milliseconds(value: &[u8]) -> Count {
    if value == b"null" {
        return Count::Absent;
    }
    let (whole, fraction) = split(value);
    let Some(seconds) = digits(whole).filter(|seconds| *seconds <= MAX_COUNT / 1000) else { return Count::Bad };
    if !fraction.iter().all(u8::is_ascii_digit) {
        return Count::Bad;
    }
    let mut thousandths = 0;
    for place in 0..3 {
        thousandths = thousandths * 10 + fraction.get(place).map_or(0, |digit| u64::from(digit - b'0'));
    }
    let rest = fraction.get(3..).unwrap_or_default().iter().any(|digit| *digit != b'0');
    Count::Is(seconds * 1000 + thousandths + u64::from(rest))
}

fn split(value: &[u8]) -> (&[u8], &[u8]) {
    let dot = value.iter().position(|byte| *byte == b'.').unwrap_or(value.len());
    (value.get(..dot).unwrap_or_default(), value.get(dot + 1..).unwrap_or_default())
}

fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}
