//! Runs of ordinary string text, eight bytes at a time.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// How many bytes from the start are ordinary string text: neither quote, nor backslash, nor control character.
#[inline]
pub(crate) fn text_run(bytes: &[u8]) -> usize {
    let (words, tail) = bytes.as_chunks::<8>();
    let mut at = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let hit = (zero(word ^ (ONES * 0x22)) | zero(word ^ (ONES * 0x5C)) | below_space(word)) & HIGH;
        if hit != 0 {
            return at + (hit.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    at + tail.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1F)).unwrap_or(tail.len())
}

/// How long the string that goes on here is, with its closing quote; nothing when it ends elsewhere. Checks nothing.
#[inline]
pub(crate) fn string_rest(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*word);
        let hit = (zero(word ^ (ONES * 0x22)) | zero(word ^ (ONES * 0x5C))) & HIGH;
        if hit == 0 {
            at += 8;
            continue;
        }
        at += (hit.trailing_zeros() / 8) as usize;
        if bytes.get(at) == Some(&b'"') {
            return Some(at + 1);
        }
        at += 2;
    }
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Marks, with a 1 each, the bytes of a block that are a colon right behind a quote that is not escaped, or behind white
/// space; nothing when there are none. The block is given three times: from the byte two before its first, from the one
/// before it, and from its first.
#[inline]
pub(crate) fn key_ends(two: &[u8; BLOCK], one: &[u8; BLOCK], this: &[u8; BLOCK]) -> Option<[u8; BLOCK]> {
    // Comparisons without branches, one result per byte, by index: compiled to vector instructions.
    let mut hits = [0; BLOCK];
    for (at, hit) in hits.iter_mut().enumerate() {
        let quote = u8::from(one[at] == b'"') & u8::from(two[at] != b'\\');
        *hit = u8::from(this[at] == b':') & (quote | u8::from(one[at] <= b' '));
    }
    (hits.iter().fold(0, |any, hit| any | hit) != 0).then_some(hits)
}

/// How many bytes [`key_ends`] looks at.
pub(crate) const BLOCK: usize = 64;

/// How many bytes from the start cannot change nesting: neither quote nor bracket of either kind.
#[inline]
pub(crate) fn flat_run(bytes: &[u8]) -> usize {
    let (words, tail) = bytes.as_chunks::<8>();
    let mut at = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        // `[` and `{`, and `]` and `}`, differ in this bit only.
        let folded = word | (ONES * 0x20);
        let hit = (zero(word ^ (ONES * 0x22)) | zero(folded ^ (ONES * 0x7B)) | zero(folded ^ (ONES * 0x7D))) & HIGH;
        if hit != 0 {
            return at + (hit.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    at + tail.iter().position(|byte| matches!(byte, b'"' | b'{' | b'}' | b'[' | b']')).unwrap_or(tail.len())
}

/// The high bit of every byte that is zero; bytes above the first such one may be marked wrongly.
const fn zero(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word
}

/// The high bit of every byte below 0x20; bytes above the first such one may be marked wrongly.
const fn below_space(word: u64) -> u64 {
    word.wrapping_sub(ONES * 0x20) & !word
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, flat_run, key_ends, string_rest, text_run};

    #[test]
    fn finds_every_byte_at_every_place() {
        for place in 0..40 {
            for byte in 0..=255_u8 {
                let mut bytes = [b'a'; 40];
                if let Some(slot) = bytes.get_mut(place) {
                    *slot = byte;
                }
                let ends_text = byte < 0x20 || byte == b'"' || byte == b'\\';
                assert_eq!(text_run(&bytes), if ends_text { place } else { 40 }, "byte {byte} at {place}");
                let nests = b"\"{}[]".contains(&byte);
                assert_eq!(flat_run(&bytes), if nests { place } else { 40 }, "byte {byte} at {place}");
            }
        }
    }

    /// Every text of this length over a small alphabet in which anything can happen.
    fn texts(alphabet: &[u8], length: u32) -> impl Iterator<Item = Vec<u8>> {
        let count = alphabet.len().pow(length);
        (0..count).map(move |mut number| {
            let mut text = Vec::new();
            for _ in 0..length {
                text.extend(alphabet.get(number % alphabet.len()));
                number /= alphabet.len();
            }
            text
        })
    }

    #[test]
    fn strings_end_at_the_first_quote_that_is_not_escaped() {
        for text in texts(b"a\"\\", 8) {
            let mut escaped = false;
            let mut end = None;
            for (at, byte) in text.iter().enumerate() {
                if *byte == b'"' && !escaped {
                    end = Some(at + 1);
                    break;
                }
                escaped = *byte == b'\\' && !escaped;
            }
            for front in [0, 3, 8] {
                let padded = [&b"x".repeat(front), &text].into_iter().flatten().copied().collect::<Vec<u8>>();
                assert_eq!(string_rest(&padded), end.map(|end| end + front), "{}", String::from_utf8_lossy(&padded));
            }
        }
    }

    #[test]
    fn every_colon_behind_a_key_is_marked() {
        for text in texts(b"a\"\\: ", 5) {
            let mut bytes = [b'-'; BLOCK + 2];
            for (slot, byte) in bytes.iter_mut().skip(17).zip(&text) {
                *slot = *byte;
            }
            let block = |from: usize| bytes.get(from..).and_then(<[u8]>::first_chunk::<BLOCK>).expect("long enough");
            let hits = key_ends(block(0), block(1), block(2));
            for at in 2..bytes.len() {
                let (two, one, this) = (bytes.get(at - 2), bytes.get(at - 1), bytes.get(at));
                let expected =
                    this == Some(&b':') && (one == Some(&b' ') || (one == Some(&b'"') && two != Some(&b'\\')));
                assert_eq!(hits.is_some_and(|hits| hits.get(at - 2) == Some(&1)), expected);
            }
        }
    }
}
