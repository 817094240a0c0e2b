use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use keyward_domain::port::{Entropy, EntropyError};

/// Chance from the operating system, by way of the crypto library's generator. Fails closed.
#[derive(Debug, Default)]
pub struct SystemEntropy(SystemRandom);

impl SystemEntropy {
    /// The system's generator.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        self.0.fill(buffer).map_err(|_| EntropyError)
    }
}
