//! The tokenizer against counts that are known, and against texts that are meant to hurt it.
#![cfg(test)]

use keyward_domain::port::Tokenizer as _;
use keyward_domain::vocabulary::Vocabulary;
use keyward_tokenizer::Tiktoken;

const BOTH: [Vocabulary; 2] = [Vocabulary::Cl100k, Vocabulary::O200k];

fn count(vocabulary: Vocabulary, text: &str) -> u64 {
    Tiktoken.count(vocabulary, text).unwrap()
}

/// Counts that OpenAI's own tokenizer gives.
#[test]
fn well_known_texts_have_their_well_known_counts() {
    for (text, cl100k, o200k) in [
        ("", 0, 0),
        ("hello world", 2, 2),
        ("tiktoken is great!", 6, 6),
        ("antidisestablishmentarianism", 6, 6),
        ("2 + 2 = 4", 7, 7),
        ("お誕生日おめでとう", 9, 8),
    ] {
        assert_eq!((count(BOTH[0], text), count(BOTH[1], text)), (cl100k, o200k), "{text}");
    }
}

#[test]
fn what_looks_like_a_special_token_is_text() {
    for vocabulary in BOTH {
        for special in ["<|endoftext|>", "<|endofprompt|>", "<|im_start|>", "<|fim_prefix|>"] {
            assert!(count(vocabulary, special) > 3, "{vocabulary:?} {special}");
        }
    }
}

#[test]
fn a_count_is_never_more_than_the_bytes_and_comes_for_every_text() {
    const LENGTH: usize = 64 * 1024;
    let unit = [
        "a",
        "A",
        " ",
        "\n",
        " \n",
        "\n ",
        "\t",
        "!",
        "/",
        "1",
        "Aa",
        "'S",
        "<|endoftext|>",
        "é",
        "世",
        "🙂",
        "\u{301}",
        "\0",
    ];
    for (vocabulary, unit) in BOTH.into_iter().flat_map(|vocabulary| unit.map(|unit| (vocabulary, unit))) {
        let text = unit.repeat(LENGTH / unit.len()) + "x";
        let tokens = count(vocabulary, &text);
        assert!(tokens > 0 && tokens <= u64::try_from(text.len()).unwrap(), "{vocabulary:?} {unit:?}: {tokens}");
    }
}
