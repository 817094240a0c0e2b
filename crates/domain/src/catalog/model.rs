//! What is known about one model.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::entry::Entry;
use super::prices::Prices;

/// A model of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Entry")]
pub struct Model {
    /// What it is for.
    pub kind: Kind,
    /// Context window in tokens, when known.
    pub context: Option<u64>,
    /// The longest answer in tokens, when known; never more than the context.
    pub max_output: Option<u64>,
    /// What it can do.
    pub capabilities: Capabilities,
    /// From which day on the provider no longer promises it, as `2026-11-30`.
    pub deprecated: Option<Box<str>>,
    /// Whether its listed price looks like a slip of units; then the price counts as unknown.
    pub suspect: bool,
    /// What it costs.
    pub pricing: Pricing,
}

/// What a model costs, as far as anybody said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pricing {
    /// This much.
    Known(Arc<Prices>),
    /// Nothing, because somebody declared so.
    Free,
    /// Nobody knows. Not the same as nothing: a budget cannot be kept without a price.
    Unknown,
}

impl Pricing {
    /// What it costs at a provider that is declared free, or not.
    #[must_use]
    pub fn at_provider(&self, free: bool) -> Self {
        match self {
            Self::Unknown if free => Self::Free,
            other => other.clone(),
        }
    }

    /// The word that APIs use.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Known(_) => "known",
            Self::Free => "free",
            Self::Unknown => "unknown",
        }
    }
}

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Conversation; also what is assumed of a model about which only a price is known.
    #[default]
    Chat,
    /// Text completion (legacy).
    Completion,
    /// Embeddings.
    Embedding,
    /// Pictures.
    Image,
    /// Speech to text.
    Transcription,
    /// Text to speech.
    Speech,
    /// Ordering documents by relevance.
    Rerank,
    /// Judging content.
    Moderation,
    /// Conversation over a socket.
    Realtime,
}

impl Kind {
    /// The word that APIs use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completion => "completion",
            Self::Embedding => "embedding",
            Self::Image => "image",
            Self::Transcription => "transcription",
            Self::Speech => "speech",
            Self::Rerank => "rerank",
            Self::Moderation => "moderation",
            Self::Realtime => "realtime",
        }
    }

    /// Whether its answers are billed at all; of embeddings, rankings and judgements only the input is.
    pub(super) const fn bills_answers(self) -> bool {
        !matches!(self, Self::Embedding | Self::Rerank | Self::Moderation)
    }
}

/// A set of [`Capability`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Capabilities(u32);

macro_rules! capabilities {
    ($($(#[$doc:meta])* $name:ident = $word:literal),+ $(,)?) => {
        /// Something that a model can or cannot do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Capability { $($(#[$doc])* $name),+ }

        impl Capability {
            /// Every capability.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The word that files and APIs use.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word),+ }
            }
        }
    };
}

capabilities! {
    /// Calls functions.
    Tools = "tools",
    /// Calls several functions at once.
    ParallelTools = "parallel_tools",
    /// Can be told which function to call.
    ToolChoice = "tool_choice",
    /// Cannot be forced to call a function.
    NoForcedTool = "no_forced_tool",
    /// Answers in a given JSON schema.
    JsonSchema = "json_schema",
    /// Sees pictures.
    Vision = "vision",
    /// Reads PDF files.
    Pdf = "pdf",
    /// Hears.
    AudioIn = "audio_in",
    /// Speaks.
    AudioOut = "audio_out",
    /// Sees films.
    VideoIn = "video_in",
    /// Searches the web by itself.
    WebSearch = "web_search",
    /// Fetches pages by itself.
    UrlContext = "url_context",
    /// Operates a computer.
    ComputerUse = "computer_use",
    /// Reasons before it answers.
    Reasoning = "reasoning",
    /// Its prompts can be cached.
    PromptCache = "prompt_cache",
    /// Continues an answer that was begun for it.
    Prefill = "prefill",
    /// Takes a system prompt.
    System = "system",
    /// Takes no system prompt.
    NoSystem = "no_system",
    /// Does not stream.
    NoNativeStream = "no_native_stream",
    /// Refuses temperature and the like.
    NoSamplingParams = "no_sampling_params",
    /// Embeds pictures.
    EmbedImage = "embed_image",
}

impl Capabilities {
    /// The set named by these words; words of a later time are left out.
    pub fn from_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let bits = words.into_iter().filter_map(|word| Capability::ALL.iter().find(|known| known.as_str() == word));
        Self(bits.fold(0, |set, capability| set | bit(*capability)))
    }

    /// Whether the model can do this.
    pub const fn has(self, capability: Capability) -> bool {
        self.0 & bit(capability) != 0
    }

    /// What it can do, in a fixed order.
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::ALL.iter().copied().filter(move |capability| self.has(*capability))
    }
}

const fn bit(capability: Capability) -> u32 {
    1 << (capability as u8)
}

impl Model {
    /// The entry in the catalog's own format, as far as it is kept; reading it gives this model again.
    pub fn to_json(&self) -> Value {
        let mut entry = Map::new();
        entry.insert("kind".into(), self.kind.as_str().into());
        if let Some(context) = self.context {
            entry.insert("ctx".into(), context.into());
        }
        if let Some(max_output) = self.max_output {
            entry.insert("max_out".into(), max_output.into());
        }
        let words: Vec<Value> = self.capabilities.iter().map(|capability| capability.as_str().into()).collect();
        if !words.is_empty() {
            entry.insert("caps".into(), words.into());
        }
        if let Some(day) = &self.deprecated {
            entry.insert("deprecated".into(), (**day).into());
        }
        if self.suspect {
            entry.insert("suspect".into(), true.into());
        }
        match &self.pricing {
            Pricing::Known(prices) => prices.write(&mut entry),
            Pricing::Free => drop(entry.insert("free".into(), true.into())),
            Pricing::Unknown => {}
        }
        Value::Object(entry)
    }
}
