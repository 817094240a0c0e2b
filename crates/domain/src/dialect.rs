//! Dialects (wire formats) and operations (what a client asks for), independent of any one path.

use serde::{Deserialize, Serialize};

/// A wire format: how requests, answers, streams and errors are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// OpenAI's API and everything that copies it.
    OpenAi,
    /// Anthropic's Messages API.
    Anthropic,
    /// Google's Gemini API.
    Gemini,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 3] = [Self::OpenAi, Self::Anthropic, Self::Gemini];

    /// The word that rows, APIs and metrics use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
        }
    }
}

/// What a call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// OpenAI `chat/completions`.
    Chat,
    /// OpenAI `completions` (legacy).
    Completion,
    /// OpenAI `responses`.
    Responses,
    /// OpenAI `responses/input_tokens`, Anthropic `count_tokens`, Gemini `countTokens`: free.
    CountTokens,
    /// Anthropic `messages`.
    Messages,
    /// Gemini `generateContent` and `streamGenerateContent`.
    Generate,
    /// OpenAI `embeddings`, Gemini `embedContent` and `batchEmbedContents`.
    Embed,
    /// OpenAI `images/*`.
    Image,
    /// OpenAI `audio/speech`.
    Speech,
    /// OpenAI `audio/transcriptions` and `audio/translations`.
    Transcribe,
    /// OpenAI `moderations`: free.
    Moderate,
    /// The list of models, answered by Keyward itself.
    ListModels,
    /// A provider key handed out for a short time. Only a grant that names it allows it.
    Lease,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 13] = [
        Self::Chat,
        Self::Completion,
        Self::Responses,
        Self::CountTokens,
        Self::Messages,
        Self::Generate,
        Self::Embed,
        Self::Image,
        Self::Speech,
        Self::Transcribe,
        Self::Moderate,
        Self::ListModels,
        Self::Lease,
    ];

    /// The word that rows, APIs and metrics use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completion => "completion",
            Self::Responses => "responses",
            Self::CountTokens => "count_tokens",
            Self::Messages => "messages",
            Self::Generate => "generate",
            Self::Embed => "embed",
            Self::Image => "image",
            Self::Speech => "speech",
            Self::Transcribe => "transcribe",
            Self::Moderate => "moderate",
            Self::ListModels => "list_models",
            Self::Lease => "lease",
        }
    }

    /// The operation that this word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.as_str() == word)
    }

    /// Whether providers charge nothing for it, so that an answer without usage costs exactly zero.
    pub const fn is_free(self) -> bool {
        matches!(self, Self::CountTokens | Self::Moderate | Self::ListModels)
    }
}
