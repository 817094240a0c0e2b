/// Chance. Real entropy comes from the operating system and fails closed; tests bring a seeded one.
pub trait Entropy: Send + Sync {
    /// Fills the buffer with unpredictable bytes, or fails without having used any of them.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError>;
}

/// The operating system gave no random bytes. Nothing that needs a secret may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no random bytes could be had from the operating system")]
pub struct EntropyError;
