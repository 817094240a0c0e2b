use crate::vocabulary::Vocabulary;

/// Counts text as models read it. Pure arithmetic, but slow: some milliseconds for a long text, and a good part of a second
/// for the first text in a vocabulary. Never asked on an event loop.
pub trait Tokenizer: Send + Sync {
    /// How many tokens a text is; what is spelled like a special token counts as the text that it is. `None` when that
    /// cannot be said: then the text's length in bytes has to do.
    fn count(&self, vocabulary: Vocabulary, text: &str) -> Option<u64>;
}
