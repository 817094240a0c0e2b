use serde::{Deserialize, Deserializer};

/// What a change says about one field: nothing when it was left out, to take it away when it is `null`, else a value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Edit<T> {
    /// It was left out: the field stays as it is.
    #[default]
    Keep,
    /// It was `null`: the field becomes what a new object has.
    Clear,
    /// The field becomes this.
    To(T),
}

impl<T> Edit<T> {
    /// Changes the field; `new` is what a new object has.
    pub fn apply<F>(self, field: &mut F, new: F, made: impl FnOnce(T) -> F) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = new,
            Self::To(value) => *field = made(value),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Edit<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(|sent| sent.map_or(Self::Clear, Self::To))
    }
}
