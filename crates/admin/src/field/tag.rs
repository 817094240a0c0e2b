use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::{Name, looks_secret};

/// How many tags one provider key has at most.
const MAX_TAGS: usize = 16;

/// The longest value of a tag, in bytes.
const MAX_VALUE: usize = 64;

/// Labels of a provider key for people and reports: names and values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyTags(BTreeMap<String, String>);

impl KeyTags {
    /// Adds a tag, or says which rule it breaks.
    pub fn add(&mut self, name: &str, value: &str) -> Result<(), &'static str> {
        Name::try_from(name.to_owned()).map_err(|_| WRONG)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
        let fits = (1..=MAX_VALUE).contains(&value.len()) && value.bytes().all(plain);
        if !fits || looks_secret(value) || (self.0.len() == MAX_TAGS && !self.0.contains_key(name)) {
            return Err(WRONG);
        }
        self.0.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    /// The tags.
    pub fn into_map(self) -> BTreeMap<String, String> {
        self.0
    }
}

const WRONG: &str = "tags are at most 16 names of a-z, 0-9, dot, underscore and hyphen, each with a value of 1 to 64 \
                     letters, digits, dots, underscores, colons and hyphens, and no secrets";

impl<'de> Deserialize<'de> for KeyTags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut tags = Self::default();
        for (name, value) in BTreeMap::<String, String>::deserialize(deserializer)? {
            tags.add(&name, &value).map_err(serde::de::Error::custom)?;
        }
        Ok(tags)
    }
}
