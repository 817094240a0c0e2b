//! The toy language: a tokenizer anybody can check by hand and answers made of whole tokens.

/// Bytes of text that make one token; the last token of a text may be shorter.
pub const BYTES_PER_TOKEN: usize = 4;

/// What one image counts for in a prompt, whatever its size.
pub const TOKENS_PER_IMAGE: u64 = 85;

/// Tokens of a text: its UTF-8 length divided by [`BYTES_PER_TOKEN`], rounded up.
pub fn toy_tokens(text: &str) -> u64 {
    text.len().div_ceil(BYTES_PER_TOKEN) as u64
}

/// The whole language. Every word is exactly four bytes long, several of them hold characters of two, three and
/// four bytes, so that splits inside a character happen as soon as somebody splits bytes.
const WORDS: [&str; 32] = [
    "the ", "key ", "was ", "not ", "can ", "né ", "you ", "may ", "ask ", "for ", "🙂", "one ", "two ", "six ",
    "ten ", "ça ", "and ", "how ", "it. ", "run ", "今 ", "set ", "off ", "old ", "new ", "où ", "big ", "low ",
    "sea ", "air ", "sun ", "end ",
];

/// `count` words chosen by `seed`, made one at a time so that an answer of a million tokens needs no memory.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    seed: u64,
    next: u64,
    end: u64,
}

impl Words {
    pub(crate) fn new(seed: u64, count: u64) -> Self {
        Self { seed, next: 0, end: count }
    }
}

impl Iterator for Words {
    type Item = &'static str;

    fn next(&mut self) -> Option<&'static str> {
        if self.next >= self.end {
            return None;
        }
        let mixed = mix(self.seed ^ self.next.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        self.next += 1;
        let index = usize::try_from(mixed % WORDS.len() as u64).unwrap_or(0);
        WORDS.get(index).copied()
    }
}

/// Cuts a text into pieces of at most one token, never inside a character.
pub(crate) fn token_pieces(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut piece = String::new();
    for character in text.chars() {
        if piece.len() + character.len_utf8() > BYTES_PER_TOKEN && !piece.is_empty() {
            pieces.push(std::mem::take(&mut piece));
        }
        piece.push(character);
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces
}

/// A stable 64-bit fingerprint (FNV-1a, then mixed); the same on every machine and in every run.
pub(crate) fn fingerprint(parts: &[&[u8]]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        for byte in *part {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        hash = (hash ^ 0xff).wrapping_mul(0x0100_0000_01b3);
    }
    mix(hash)
}

/// Finaliser of splitmix64: neighbouring inputs give unrelated outputs.
pub(crate) fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// `length` base62 characters that depend on nothing but `seed`.
pub(crate) fn base62(seed: u64, length: usize) -> String {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    (0..length as u64)
        .filter_map(|position| {
            let digit = mix(seed.wrapping_add(position.wrapping_mul(0x9e37_79b9_7f4a_7c15))) % 62;
            ALPHABET.get(usize::try_from(digit).ok()?).map(|byte| char::from(*byte))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_one_token() {
        for word in WORDS {
            assert_eq!(word.len(), BYTES_PER_TOKEN, "{word:?}");
        }
        let text: String = Words::new(7, 100).collect();
        assert_eq!(toy_tokens(&text), 100);
        assert_eq!(Words::new(7, 100).collect::<String>(), text, "the same seed gives the same text");
        assert_ne!(Words::new(8, 100).collect::<String>(), text);
    }

    #[test]
    fn pieces_join_to_the_text() {
        let text = "{\"name\":\"né 今🙂\",\"n\":7}";
        assert_eq!(token_pieces(text).concat(), text);
        assert!(token_pieces(text).iter().all(|piece| piece.len() <= BYTES_PER_TOKEN));
    }
}
