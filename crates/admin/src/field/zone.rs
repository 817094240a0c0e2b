use keyward_domain::window::Zone;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

/// A time zone by its IANA name: whose midnight counts.
#[derive(Debug, Clone, PartialEq, Eq, Default, ToSchema)]
#[schema(value_type = String, example = "Asia/Seoul")]
pub struct ZoneName(pub Zone);

/// The longest name that is looked up, in bytes; the longest there is has half of it.
const MAX_NAME: usize = 64;

const WRONG: &str = "write time zones by their IANA names, such as Europe/Berlin or Asia/Seoul, or UTC";

impl std::str::FromStr for ZoneName {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let zone = (name.len() <= MAX_NAME).then(|| name.parse().ok()).flatten();
        zone.map(Self).ok_or(WRONG)
    }
}

impl<'de> Deserialize<'de> for ZoneName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
