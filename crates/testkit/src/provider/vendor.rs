//! Whose wire format a call speaks, and which of its operations it asks for.

use std::fmt;

/// The three wire formats the scripted provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Vendor {
    /// OpenAI and everything that copies it: `Authorization: Bearer`.
    OpenAi,
    /// Anthropic Messages: `x-api-key` or `Authorization: Bearer`, and `anthropic-version`.
    Anthropic,
    /// Gemini API: `x-goog-api-key`.
    Gemini,
}

impl Vendor {
    /// All vendors, in a fixed order.
    pub const ALL: [Self; 3] = [Self::OpenAi, Self::Anthropic, Self::Gemini];

    /// The word used in key names and printed by the example.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
        }
    }
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a call asks for; one value per endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// `POST /v1/chat/completions`
    ChatCompletions,
    /// `POST /v1/completions`
    Completions,
    /// `POST /v1/responses`
    Responses,
    /// `POST /v1/responses/input_tokens` (free)
    InputTokens,
    /// `POST /v1/embeddings`
    Embeddings,
    /// `POST /v1/images/generations`
    ImageGenerations,
    /// `POST /v1/images/edits` (multipart)
    ImageEdits,
    /// `POST /v1/audio/speech` (binary answer)
    Speech,
    /// `POST /v1/audio/transcriptions` (multipart)
    Transcriptions,
    /// `POST /v1/audio/translations` (multipart)
    Translations,
    /// `POST /v1/moderations` (free)
    Moderations,
    /// `POST /v1/messages`
    Messages,
    /// `POST /v1/messages/count_tokens` (free)
    CountMessageTokens,
    /// `POST /{version}/models/{model}:generateContent`
    GenerateContent,
    /// `POST /{version}/models/{model}:streamGenerateContent`
    StreamGenerateContent,
    /// `POST /{version}/models/{model}:countTokens` (free)
    CountTokens,
    /// `POST /{version}/models/{model}:embedContent`
    EmbedContent,
    /// `POST /{version}/models/{model}:batchEmbedContents`
    BatchEmbedContents,
    /// The model list of any vendor (free)
    ListModels,
    /// One model's card (free)
    ShowModel,
}

impl Operation {
    /// Whether the vendor charges for this operation. Model lists, token counts and moderations are free.
    pub fn is_billed(self) -> bool {
        !matches!(
            self,
            Self::InputTokens
                | Self::Moderations
                | Self::CountMessageTokens
                | Self::CountTokens
                | Self::ListModels
                | Self::ShowModel
        )
    }
}
