//! Providers by name.

use std::borrow::Cow;
use std::fmt;

/// A provider, by the name that it has in this home: one that Keyward knows, or one that was added with a base URL.
///
/// ```
/// use keyward::ProviderId;
///
/// assert_eq!(ProviderId::HUGGINGFACE.as_str(), "huggingface");
/// assert_eq!(ProviderId::named("our-own").to_string(), "our-own");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderId(Cow<'static, str>);

macro_rules! known {
    ($($(#[$doc:meta])* $constant:ident = $name:literal;)+) => {
        impl ProviderId {
            $($(#[$doc])* pub const $constant: Self = Self(Cow::Borrowed($name));)+

            /// Every provider that Keyward knows by name.
            pub const KNOWN: &'static [Self] = &[$(Self::$constant),+];
        }
    };
}

known! {
    /// OpenAI.
    OPENAI = "openai";
    /// Anthropic.
    ANTHROPIC = "anthropic";
    /// Google's Gemini API.
    GEMINI = "gemini";
    /// Groq.
    GROQ = "groq";
    /// DeepSeek.
    DEEPSEEK = "deepseek";
    /// xAI.
    XAI = "xai";
    /// Together AI.
    TOGETHER = "together";
    /// Fireworks AI.
    FIREWORKS = "fireworks";
    /// Cerebras.
    CEREBRAS = "cerebras";
    /// Perplexity.
    PERPLEXITY = "perplexity";
    /// OpenRouter.
    OPENROUTER = "openrouter";
    /// Mistral.
    MISTRAL = "mistral";
    /// NVIDIA NIM.
    NVIDIA = "nvidia";
    /// Hugging Face's router.
    HUGGINGFACE = "huggingface";
    /// Ollama on this machine.
    OLLAMA = "ollama";
    /// The built-in provider for trying things out: no network, no bill, any key.
    SANDBOX = "sandbox";
}

impl ProviderId {
    /// The provider of this name: 1 to 64 of `a-z`, `0-9`, dot, underscore and hyphen.
    pub fn named(name: impl Into<Cow<'static, str>>) -> Self {
        Self(name.into())
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
