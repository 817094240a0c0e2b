//! In which vocabulary a model reads text, where its vendor published that.

use crate::provider::ProviderKind;

/// A published vocabulary: how text is cut into tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Vocabulary {
    /// OpenAI's `cl100k_base`.
    Cl100k,
    /// OpenAI's `o200k_base`.
    O200k,
}

/// OpenAI's families, as its own `tiktoken` 0.14 assigns them (`tiktoken/model.py`): the name without the last dash, or
/// whatever begins with all of it. What is missing there, later generations included, is unknown here too.
const FAMILIES: [(&str, Vocabulary); 15] = [
    ("gpt-5", Vocabulary::O200k),
    ("gpt-4.5-", Vocabulary::O200k),
    ("gpt-4.1-", Vocabulary::O200k),
    ("gpt-4o-", Vocabulary::O200k),
    ("chatgpt-4o-", Vocabulary::O200k),
    ("o1-", Vocabulary::O200k),
    ("o3-", Vocabulary::O200k),
    ("o4-mini-", Vocabulary::O200k),
    ("gpt-4-", Vocabulary::Cl100k),
    ("gpt-3.5-turbo-", Vocabulary::Cl100k),
    ("davinci-002", Vocabulary::Cl100k),
    ("babbage-002", Vocabulary::Cl100k),
    ("text-embedding-ada-002", Vocabulary::Cl100k),
    ("text-embedding-3-small", Vocabulary::Cl100k),
    ("text-embedding-3-large", Vocabulary::Cl100k),
];

/// Models of these families that read more than the text they are sent: what they search or hear.
const READ_MORE: [&str; 6] = ["search", "audio", "realtime", "transcribe", "tts", "image"];

impl Vocabulary {
    /// The vocabulary of a model at a server of this kind. `None` where the vendor never said, and for servers that only
    /// speak a vendor's language: what stands behind a name there is theirs to say.
    pub fn of(kind: ProviderKind, model: &str) -> Option<Self> {
        if kind != ProviderKind::OpenAi || READ_MORE.iter().any(|word| model.contains(word)) {
            return None;
        }
        let is_of =
            |family: &str| model_of(model).starts_with(family) || model_of(model) == family.trim_end_matches('-');
        FAMILIES.iter().find(|(family, _)| is_of(family)).map(|(_, vocabulary)| *vocabulary)
    }
}

/// The model that a fine-tuned one was made of: `ft:base:owner::id`.
fn model_of(name: &str) -> &str {
    match name.strip_prefix("ft:") {
        Some(tuned) => tuned.split(':').next().unwrap_or(tuned),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::{ProviderKind, Vocabulary};

    #[test]
    fn models_of_known_families_and_no_others() {
        let openai = |model| Vocabulary::of(ProviderKind::OpenAi, model);
        for model in [
            "gpt-5",
            "gpt-5.4-mini",
            "gpt-5-2025-08-07",
            "gpt-4.1",
            "gpt-4.1-nano",
            "gpt-4o",
            "gpt-4o-mini-2024-07-18",
            "chatgpt-4o-latest",
            "o1",
            "o1-pro",
            "o3-mini",
            "o4-mini",
            "ft:gpt-4o-mini-2024-07-18:acme::x1",
        ] {
            assert_eq!(openai(model), Some(Vocabulary::O200k), "{model}");
        }
        for model in ["gpt-4", "gpt-4-turbo", "gpt-3.5-turbo-0125", "text-embedding-3-small", "ft:davinci-002:acme"] {
            assert_eq!(openai(model), Some(Vocabulary::Cl100k), "{model}");
        }
        for model in [
            "gpt-6-sol",
            "gpt-4.7",
            "gpt-45",
            "o4",
            "o10",
            "o3-deep-research",
            "gpt-4o-search-preview",
            "gpt-5-search-api",
            "gpt-4o-audio-preview",
            "gpt-oss-20b",
            "claude-sonnet-4-5",
            "computer-use-preview",
            "",
        ] {
            assert_eq!(openai(model), None, "{model}");
        }
    }

    #[test]
    fn a_name_means_nothing_at_other_servers() {
        for kind in ProviderKind::ALL.into_iter().filter(|kind| *kind != ProviderKind::OpenAi) {
            assert_eq!(Vocabulary::of(kind, "gpt-4o"), None, "{kind:?}");
        }
    }
}
