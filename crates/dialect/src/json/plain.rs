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
