use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The longest name, in characters.
const MAX_NAME: usize = 64;

/// The longest reference to an object, in bytes: a provider name, a slash and a key name.
const MAX_REFERENCE: usize = 2 * MAX_NAME + 1;

/// What people call a thing: 1 to 64 of `a-z 0-9 . _ -`, beginning with a letter or a digit, and not looking like a
/// secret that was pasted into the wrong field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, min_length = 1, max_length = 64, pattern = "^[a-z0-9][a-z0-9._-]*$", example = "production")]
pub struct Name(String);

/// Names one object: its id, its name, or (for a provider key) `provider/name`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, min_length = 1, max_length = 129, example = "production")]
pub struct Reference(String);

impl Name {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, owned.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl Reference {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let begins_well = text.bytes().next().is_some_and(letter);
        if !begins_well || text.len() > MAX_NAME || !text.bytes().all(|byte| letter(byte) || b"._-".contains(&byte)) {
            return Err(
                "names are 1 to 64 of a-z, 0-9, dot, underscore and hyphen, beginning with a letter or a digit",
            );
        }
        if looks_secret(&text) {
            return Err("this name looks like a secret; names are shown in logs and lists, so choose another");
        }
        Ok(Self(text))
    }
}

impl std::str::FromStr for Name {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.to_owned().try_into()
    }
}

impl TryFrom<String> for Reference {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fits = !text.is_empty() && text.len() <= MAX_REFERENCE;
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte));
        if fits && plain { Ok(Self(text)) } else { Err("name an object by its id, its name, or provider/name") }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What keys of well-known vendors begin with, in lower case.
const SECRET_PREFIXES: &[&str] = &[
    "sk-",
    "sk_",
    "pk-live",
    "rk-",
    "kw_",
    "aiza",
    "akia",
    "asia",
    "ghp_",
    "gho_",
    "github_pat",
    "glpat-",
    "gsk_",
    "hf_",
    "xai-",
    "xoxb-",
    "xoxp-",
    "pplx-",
    "nvapi-",
    "fw_",
    "r8_",
    "csk-",
    "tgp_",
    "eyj",
    "ya29.",
];

/// A run of this many letters and digits, with both in it, is taken for a secret.
const SECRET_RUN: usize = 24;

/// How ids of this system begin that people may write.
const OWN_IDS: [&str; 9] = ["pk_", "prv_", "adm_", "req_", "ten_", "team_", "usr_", "bud_", "lim_"];

/// How many characters follow in one of them.
const OWN_ID: usize = 26;

/// Whether a text looks like a secret: the beginning of a known kind of key, or a long run of mixed letters and digits.
/// Ids of this system are not: they are known by their form.
pub fn looks_secret(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    if let Some(rest) = OWN_IDS.iter().find_map(|prefix| lower.strip_prefix(prefix)) {
        return rest.len() > OWN_ID;
    }
    SECRET_PREFIXES.iter().any(|prefix| lower.starts_with(prefix))
        || text.split(|c: char| !c.is_ascii_alphanumeric()).any(|run| {
            run.len() >= SECRET_RUN
                && run.bytes().any(|byte| byte.is_ascii_digit())
                && run.bytes().any(|byte| byte.is_ascii_alphabetic())
        })
}
