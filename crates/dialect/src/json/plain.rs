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
    loop {
        at += text_run(bytes.get(at..)?);
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
    use super::{flat_run, text_run};

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
}
