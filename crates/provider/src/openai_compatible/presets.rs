//! Vendors that need nothing but a base URL.

use crate::preset::Preset;

use super::vendor;

/// The vendors, by name.
pub const PRESETS: [Preset; 12] = [
    vendor("groq", "https://api.groq.com/openai/v1"),
    vendor("deepseek", "https://api.deepseek.com"),
    vendor("xai", "https://api.x.ai/v1"),
    vendor("together", "https://api.together.ai/v1"),
    vendor("fireworks", "https://api.fireworks.ai/inference/v1"),
    vendor("cerebras", "https://api.cerebras.ai/v1"),
    vendor("perplexity", "https://api.perplexity.ai"),
    vendor("openrouter", "https://openrouter.ai/api/v1"),
    vendor("mistral", "https://api.mistral.ai/v1"),
    vendor("nvidia", "https://integrate.api.nvidia.com/v1"),
    vendor("huggingface", "https://router.huggingface.co/v1"),
    // The daemon on this machine: no key, no bill. Its cloud is `https://ollama.com/v1`, with a key.
    Preset { needs_key: false, free: true, ..vendor("ollama", "http://127.0.0.1:11434/v1") },
];
