//! Canary secrets: unique markers put into every slot that holds a secret, and a scanner that finds them, in any
//! usual encoding, where no secret may be: logs, bodies, metrics, files, journals.
//!
//! ```
//! use keyward_testkit::SeededEntropy;
//! use keyward_testkit::canary::{Canary, Scanner};
//! let canary = Canary::mint(&SeededEntropy::new(1), "provider key").unwrap();
//! let scanner = Scanner::new([canary.clone()]);
//! assert!(scanner.scan(b"all quiet").is_empty());
//! let log = format!("refused: Bearer {}", canary.secret());
//! assert_eq!(scanner.scan(log.as_bytes())[0].slot, "provider key");
//! ```

mod needle;
mod scan;

pub use needle::Encoding;
pub use scan::{Found, Hit, Scanner};

use keyward_domain::port::{Entropy, EntropyError};

/// Characters of a minted secret: enough that chance never makes one.
const SECRET_CHARACTERS: usize = 40;

/// A secret that was planted somewhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Canary {
    slot: String,
    prefix: String,
    secret: String,
}

impl Canary {
    /// A new secret for a slot. Fails only as its entropy does.
    pub fn mint(entropy: &dyn Entropy, slot: &str) -> Result<Self, EntropyError> {
        Self::mint_with_prefix(entropy, slot, "")
    }

    /// The same behind a public prefix (`sk-proj-`, ...), which alone is no leak.
    pub fn mint_with_prefix(entropy: &dyn Entropy, slot: &str, prefix: &str) -> Result<Self, EntropyError> {
        const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut bytes = [0_u8; SECRET_CHARACTERS];
        entropy.fill(&mut bytes)?;
        let secret = bytes
            .iter()
            .filter_map(|byte| ALPHABET.get(usize::from(*byte) % ALPHABET.len()))
            .map(|byte| char::from(*byte))
            .collect();
        Ok(Self { slot: slot.to_owned(), prefix: prefix.to_owned(), secret })
    }

    /// A secret that exists already: its public beginning, and the part that must stay secret.
    pub fn planted(slot: &str, prefix: &str, secret: &str) -> Self {
        Self { slot: slot.to_owned(), prefix: prefix.to_owned(), secret: secret.to_owned() }
    }

    /// Where it was planted.
    pub fn slot(&self) -> &str {
        &self.slot
    }

    /// The whole value to plant.
    pub fn secret(&self) -> String {
        format!("{}{}", self.prefix, self.secret)
    }

    /// The part that is searched for.
    fn secret_part(&self) -> &str {
        &self.secret
    }
}

/// Not even a test's failure message shows the secret.
impl std::fmt::Debug for Canary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Canary").field("slot", &self.slot).finish_non_exhaustive()
    }
}
