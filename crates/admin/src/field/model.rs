use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::looks_secret;

/// The longest model id, in bytes.
const MAX_MODEL: usize = 200;

/// A provider's own id of a model, letter by letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, min_length = 1, max_length = 200, example = "gpt-4o-mini")]
pub struct ModelId(String);

/// What a virtual key may name: an alias, `provider/model`, a bare model, or any of these up to a closing `*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, min_length = 1, max_length = 200, example = "openai/gpt-4o*")]
pub struct ModelPattern(String);

/// Which of its provider's models a key may be used for: a name, with `*` for any text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, min_length = 1, max_length = 200, example = "gpt-4o*")]
pub struct KeyModelPattern(String);

/// What an alias stands for: `provider/model`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, min_length = 3, max_length = 200, example = "openai/gpt-4o-mini")]
pub struct Target(String);

impl ModelId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ModelPattern {
    /// The text, owned.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl KeyModelPattern {
    /// The text, owned.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl Target {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Provider and model.
    pub fn parts(&self) -> (&str, &str) {
        self.0.split_once('/').unwrap_or((&self.0, ""))
    }

    /// The text, owned.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl TryFrom<String> for ModelId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        check(&text).map(|()| Self(text))
    }
}

impl TryFrom<String> for ModelPattern {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fixed = text.strip_suffix('*').unwrap_or(&text);
        if fixed.contains('*') {
            return Err("a pattern is an exact name, or a beginning followed by one * at the end");
        }
        if !fixed.is_empty() {
            check(fixed)?;
        } else if text.is_empty() {
            return Err("a pattern is an exact name, or a beginning followed by one * at the end");
        }
        Ok(Self(text))
    }
}

impl TryFrom<String> for KeyModelPattern {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fixed = text.replace('*', "");
        if text.is_empty() || text.len() > MAX_MODEL {
            return Err("a pattern is a model's name with `*` for any text, 1 to 200 characters");
        }
        if !fixed.is_empty() {
            check(&fixed)?;
        }
        Ok(Self(text))
    }
}

impl std::str::FromStr for KeyModelPattern {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.to_owned().try_into()
    }
}

impl TryFrom<String> for Target {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        check(&text)?;
        match text.split_once('/') {
            Some((provider, model)) if !provider.is_empty() && !model.is_empty() => Ok(Self(text)),
            _ => Err("a target is written provider/model"),
        }
    }
}

impl std::str::FromStr for Target {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.to_owned().try_into()
    }
}

fn check(text: &str) -> Result<(), &'static str> {
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"*\"'`<>\\".contains(&byte);
    if text.is_empty() || text.len() > MAX_MODEL || !text.bytes().all(plain) {
        return Err("model names are 1 to 200 printable ASCII characters without spaces, quotes and stars");
    }
    if !text.contains('/') && !text.contains(':') && looks_secret(text) {
        return Err("this model name looks like a secret; names are shown in logs and lists");
    }
    Ok(())
}
