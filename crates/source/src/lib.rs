//! Where secrets come from.
//!
//! - [`Reference`]: what the config writes instead of a secret (`${env:NAME}`, `${file:PATH}`), and how it is fetched.
//! - [`discover`]: provider keys that already lie in the environment or in a `.env` file.
//! - [`left_out`]: variables that are meant for a provider key and hold none.
//! - [`form`]: which vendor's key a secret looks like. Formats drift, so this warns and never refuses.
//!
//! The environment is an argument everywhere; nothing here reads it. No error repeats any part of a secret.

mod reference;

mod discover;
mod dot_env;

mod form;

mod error;
mod shape;

pub use discover::{Base, Found, FoundIn, LeftOut, discover, left_out};
pub use dot_env::{DotEnv, MAX_DOT_ENV_BYTES};
pub use error::SourceError;
pub use form::{Form, classify, form};
pub use reference::Reference;
pub use shape::{MAX_SECRET_BYTES, check_shape};
