use ipnet::IpNet;
use keyward_domain::dialect::Operation;
use keyward_domain::ledger::Dimension;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

/// How many tags one virtual key has at most.
const MAX_TAGS: usize = 16;

/// How many networks one virtual key has at most.
const MAX_NETWORKS: usize = 64;

/// The longest tag, in bytes.
const MAX_TAG: usize = 64;

/// Labels for attribution: at most 16 of 1 to 64 characters out of `A-Z a-z 0-9 . _ : = -`.
#[derive(Debug, Clone, PartialEq, Eq, Default, ToSchema)]
#[schema(value_type = Vec<String>)]
pub struct Tags(pub Vec<String>);

/// Networks in CIDR form; a bare address means itself alone. At most 64.
#[derive(Debug, Clone, PartialEq, Eq, Default, ToSchema)]
#[schema(value_type = Vec<String>)]
pub struct Networks(pub Vec<IpNet>);

/// Operations: `chat`, `completion`, `responses`, `count_tokens`, `messages`, `generate`, `embed`, `image`, `speech`,
/// `transcribe`, `moderate`, `list_models`.
#[derive(Debug, Clone, PartialEq, Eq, Default, ToSchema)]
#[schema(value_type = Vec<String>)]
pub struct Operations(pub Vec<Operation>);

/// What usage is summed by: any of `hour`, `day`, `week`, `month`, `tenant`, `team`, `user`, `end_user`, `tag`,
/// `virtual_key`, `provider`, `credential`, `model`, `dialect`, `operation`, separated by commas, in the order of the
/// answer.
#[derive(Debug, Clone, PartialEq, Eq, Default, ToSchema)]
#[schema(value_type = String, example = "day,model")]
pub struct GroupBy(pub Vec<Dimension>);

/// Tags that calls may carry: labels, or the beginning of some and `*`. At most 16.
#[derive(Debug, Clone, PartialEq, Eq, Default, ToSchema)]
#[schema(value_type = Vec<String>)]
pub struct ClaimableTags(pub Vec<String>);

impl GroupBy {
    /// Every dimension with its word.
    pub const WORDS: [(&'static str, Dimension); 15] = [
        ("hour", Dimension::Hour),
        ("day", Dimension::Day),
        ("week", Dimension::Week),
        ("month", Dimension::Month),
        ("tenant", Dimension::Tenant),
        ("team", Dimension::Team),
        ("user", Dimension::User),
        ("end_user", Dimension::EndUser),
        ("tag", Dimension::Tag),
        ("virtual_key", Dimension::VirtualKey),
        ("provider", Dimension::Provider),
        ("credential", Dimension::Credential),
        ("model", Dimension::Model),
        ("dialect", Dimension::Dialect),
        ("operation", Dimension::Operation),
    ];

    /// The word for a dimension.
    pub fn word(dimension: Dimension) -> &'static str {
        Self::WORDS.into_iter().find(|(_, known)| *known == dimension).map_or("", |(word, _)| word)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut dimensions = Vec::new();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let (_, dimension) = Self::WORDS.into_iter().find(|(known, _)| *known == word)?;
            if dimensions.contains(&dimension) {
                return None;
            }
            dimensions.push(dimension);
        }
        Some(Self(dimensions))
    }
}

impl<'de> Deserialize<'de> for GroupBy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            let known = Self::WORDS.map(|(word, _)| word).join(", ");
            serde::de::Error::custom(format!(
                "group_by is a list, separated by commas and without repetitions, of: {known}"
            ))
        })
    }
}

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tags = Vec::<String>::deserialize(deserializer)?;
        if tags.len() > MAX_TAGS || !tags.iter().all(|tag| !tag.is_empty() && is_plain(tag)) {
            return Err(serde::de::Error::custom(
                "tags are at most 16 labels of 1 to 64 letters, digits, dots, underscores, colons, equals signs and hyphens, and no secrets",
            ));
        }
        Ok(Self(tags))
    }
}

impl<'de> Deserialize<'de> for ClaimableTags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tags = Vec::<String>::deserialize(deserializer)?;
        let fits = |tag: &String| tag.strip_suffix('*').map_or_else(|| !tag.is_empty() && is_plain(tag), is_plain);
        if tags.len() > MAX_TAGS || !tags.iter().all(fits) {
            return Err(serde::de::Error::custom(
                "tags that calls may carry are at most 16 labels of 1 to 64 letters, digits, dots, underscores, colons, equals signs and hyphens, or the beginning of some and one *",
            ));
        }
        Ok(Self(tags))
    }
}

/// Whether a text may stand in a tag.
fn is_plain(text: &str) -> bool {
    text.len() <= MAX_TAG
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:=-".contains(&byte))
        && !super::looks_secret(text)
}

impl<'de> Deserialize<'de> for Networks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let wrong = || {
            serde::de::Error::custom(
                "addresses are at most 64 networks like 10.0.0.0/8 or 2001:db8::/32, or single addresses",
            )
        };
        if texts.len() > MAX_NETWORKS {
            return Err(wrong());
        }
        let parse = |text: &String| {
            text.parse::<IpNet>().ok().or_else(|| text.parse::<std::net::IpAddr>().ok().map(IpNet::from))
        };
        texts.iter().map(|text| parse(text).ok_or_else(wrong)).collect::<Result<_, _>>().map(Self)
    }
}

impl<'de> Deserialize<'de> for Operations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Vec::<String>::deserialize(deserializer)?;
        let known = Operation::ALL.map(Operation::as_str).join(", ");
        words
            .iter()
            .map(|word| Operation::parse(word))
            .collect::<Option<Vec<_>>>()
            .filter(|operations| operations.len() <= Operation::ALL.len())
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom(format!("operations are: {known}")))
    }
}
