use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::Serialize;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// How many items a page has when nobody says.
pub const DEFAULT_PAGE: u32 = 100;

/// The most items on a page.
pub const MAX_PAGE: u32 = 500;

/// How many items a page may have: 1 to 500, 100 when left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(value_type = u32, minimum = 1, maximum = 500, default = 100)]
pub struct Limit(u32);

/// Yes or no, in a query string or a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ToSchema)]
#[schema(value_type = bool)]
pub struct Flag(pub bool);

/// One page of a collection.
#[derive(Debug, serde::Serialize)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; `null` on the last one. Hand it back as `cursor`.
    pub next_cursor: Option<String>,
}

// By hand: the derived one describes the page and forgets the items' type.
impl<T: ToSchema> PartialSchema for Page<T> {
    fn schema() -> RefOr<Schema> {
        let items = ArrayBuilder::new().items(Ref::from_schema_name(T::name())).description(Some("The items."));
        let cursor = ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
            .description(Some("Where the next page begins; `null` on the last one. Hand it back as `cursor`."));
        ObjectBuilder::new()
            .description(Some("One page of a collection."))
            .property("items", items)
            .property("next_cursor", cursor)
            .required("items")
            .required("next_cursor")
            .into()
    }
}

impl<T: ToSchema> ToSchema for Page<T> {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

impl Limit {
    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The number as a count of items.
    pub fn as_len(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(DEFAULT_PAGE)
    }
}

/// Cuts one item more than asked for off a list, and makes the cursor from the last item that stays.
pub fn page_of<T: Serialize>(mut items: Vec<T>, limit: Limit, cursor: impl Fn(&T) -> String) -> Page<T> {
    let more = items.len() > limit.as_len();
    items.truncate(limit.as_len());
    let next_cursor = if more { items.last().map(cursor) } else { None };
    Page { items, next_cursor }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Counting)
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Deciding)
    }
}

struct Counting;

impl Visitor<'_> for Counting {
    type Value = Limit;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number from 1 to 500")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Limit, E> {
        u32::try_from(number)
            .ok()
            .filter(|number| (1..=MAX_PAGE).contains(number))
            .map(Limit)
            .ok_or_else(|| E::custom("limit is a number from 1 to 500"))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Limit, E> {
        self.visit_u64(text.parse().unwrap_or(0))
    }
}

struct Deciding;

impl Visitor<'_> for Deciding {
    type Value = Flag;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true or false")
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Flag, E> {
        Ok(Flag(flag))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Flag, E> {
        match text {
            "true" => Ok(Flag(true)),
            "false" => Ok(Flag(false)),
            _ => Err(E::custom("write true or false")),
        }
    }
}

/// Where a page begins: the id or name of the last item of the page before, as that page gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor<T>(pub T);

/// What the text of a cursor that does not parse is refused with; [`crate::rest`] makes its own code of it.
pub const BAD_CURSOR: &str = "bad_cursor";

impl<'de, T: std::str::FromStr> Deserialize<'de> for Cursor<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_| D::Error::custom(BAD_CURSOR))
    }
}
