use std::fmt;

use keyward_domain::secret::Secret;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};
use utoipa::ToSchema;

/// The longest secret that is taken in, in bytes (service-account keys are about 2,400).
const MAX_SECRET: usize = 8 * 1024;

/// A secret as it comes in. Goes from the request's bytes straight into [`Secret`], without a string in between, and
/// can be neither shown nor written out.
#[derive(ToSchema)]
#[schema(value_type = String, format = Password, min_length = 1, max_length = 8192)]
pub struct SecretText(Secret);

/// A secret on its way to the person who may see it, once: the only thing here that writes a secret out.
#[derive(ToSchema)]
#[schema(value_type = String, format = Password)]
pub struct ShownSecret(Secret);

impl SecretText {
    /// The secret itself.
    pub fn into_secret(self) -> Secret {
        self.0
    }
}

impl ShownSecret {
    /// Marks a secret as one that is to be shown. Call it in the operations that exist for showing, nowhere else.
    pub fn new(secret: Secret) -> Self {
        Self(secret)
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

impl fmt::Debug for ShownSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShownSecret(..)")
    }
}

impl Serialize for ShownSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = std::str::from_utf8(self.0.expose()).map_err(|_| serde::ser::Error::custom("not text"))?;
        serializer.serialize_str(text)
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Taking)
    }
}

struct Taking;

impl Visitor<'_> for Taking {
    type Value = SecretText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret as text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<SecretText, E> {
        let trimmed = text.trim_matches([' ', '\t', '\r', '\n']);
        if trimmed.is_empty() {
            return Err(E::custom("the secret is empty"));
        }
        if trimmed.len() > MAX_SECRET {
            return Err(E::custom("the secret is longer than 8192 bytes"));
        }
        Ok(SecretText(Secret::new(trimmed.as_bytes().to_vec())))
    }
}
