//! The keys the scripted provider accepts, and how each of them behaves.

use super::refusal::VendorError;
use super::text::{base62, fingerprint};
use super::vendor::{Operation, Vendor};

/// What happens to calls that carry a key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum KeyBehaviour {
    /// Every call is served.
    #[default]
    Valid,
    /// Every call is refused this way, model lists included.
    Refuses(VendorError),
    /// Calls that cost money are refused; lists and counts still answer (how an empty account looks).
    RefusesPaid(VendorError),
    /// The first calls are refused, later ones served: a key that heals.
    RefusesFirst {
        /// How many calls are refused.
        calls: u64,
        /// In which words.
        with: VendorError,
    },
    /// The first calls are served, later ones refused: a key that dies in use.
    RefusesAfter {
        /// How many calls are served.
        calls: u64,
        /// In which words the later ones are refused.
        with: VendorError,
    },
}

impl KeyBehaviour {
    /// Wrong, revoked or expired.
    pub fn revoked() -> Self {
        Self::Refuses(VendorError::InvalidKey)
    }

    /// The account behind the key is empty: lists work, paid calls do not.
    pub fn no_credit() -> Self {
        Self::RefusesPaid(VendorError::NoCredit)
    }

    /// Rate limited for the first `calls` calls, told to wait `seconds`.
    pub fn rate_limited(calls: u64, seconds: Option<u64>) -> Self {
        Self::RefusesFirst { calls, with: VendorError::RateLimited(seconds) }
    }
}

/// A key as the provider knows it.
#[derive(Debug, Clone)]
pub(crate) struct ProviderKey {
    pub(crate) name: String,
    pub(crate) vendor: Vendor,
    pub(crate) secret: String,
    pub(crate) behaviour: KeyBehaviour,
    /// Models this key may use; `None` means all.
    pub(crate) models: Option<Vec<String>>,
    /// Calls seen so far.
    pub(crate) calls: u64,
}

impl ProviderKey {
    /// Counts one call and says whether the key's behaviour refuses it.
    pub(crate) fn judge(&mut self, operation: Operation, model: Option<&str>) -> Option<VendorError> {
        self.calls += 1;
        let refused = match &self.behaviour {
            KeyBehaviour::Valid => None,
            KeyBehaviour::Refuses(error) => Some(error.clone()),
            KeyBehaviour::RefusesPaid(error) => operation.is_billed().then(|| error.clone()),
            KeyBehaviour::RefusesFirst { calls, with } => (self.calls <= *calls).then(|| with.clone()),
            KeyBehaviour::RefusesAfter { calls, with } => (self.calls > *calls).then(|| with.clone()),
        };
        refused.or_else(|| {
            let model = model?;
            let allowed = self.models.as_ref()?;
            (!allowed.iter().any(|name| name == model)).then(|| VendorError::ModelForbidden(model.to_owned()))
        })
    }
}

/// A secret in the vendor's own form that depends on the name alone. Built from parts so that no file of the
/// project holds anything that looks like a key.
pub fn mint_secret(vendor: Vendor, name: &str) -> String {
    let seed = fingerprint(&[vendor.name().as_bytes(), name.as_bytes()]);
    match vendor {
        Vendor::OpenAi => {
            let marker = ["T3Blbk", "FJ"].concat();
            format!("sk-{}-{}{marker}{}", "proj", base62(seed, 74), base62(!seed, 74))
        }
        Vendor::Anthropic => format!("sk-{}-{}-{}AA", "ant", "api03", base62(seed, 93)),
        Vendor::Gemini => format!("AI{}{}", "za", base62(seed, 35)),
    }
}
