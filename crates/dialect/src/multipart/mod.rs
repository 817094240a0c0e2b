//! Form uploads: which model a `multipart/form-data` body names, while it is still arriving.
//!
//! Every parser of forms is lenient in its own way, and a field that we miss and the provider sees would slip past the
//! allow-list. So this one is strict: what the standard does not allow is refused, and a field that matters may come
//! only once. Parts are never stored; only the values of small known fields are kept.

mod disposition;
mod form;

use std::ops::Range;

use bytes::Bytes;

use crate::splice::Edits;

pub use form::Form;

/// The most parts of a form.
pub const MAX_PARTS: usize = 128;
/// The longest header line of a part, in bytes.
pub const MAX_PART_HEADER: usize = 8 * 1024;
/// The most header lines of a part.
pub const MAX_PART_HEADERS: usize = 16;
/// The longest value of a field that matters, in bytes.
pub const MAX_FIELD: usize = 1024;

/// What the beginning of a form shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// The model is known, or it is known that there is none.
    Found(Found),
    /// The model has not come yet.
    NeedMore,
    /// The form is broken or ambiguous: what is wrong, for the client.
    Invalid(&'static str),
}

/// What a form asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The field `model`.
    pub model: Option<Field>,
    /// Whether the answer is wanted as events, as far as seen.
    pub stream: bool,
    /// How many answers are wanted (`n`), as far as seen; 1 unless said.
    pub candidates: u32,
    /// Images: the size asked for, as far as seen.
    pub image_size: Option<Box<str>>,
    /// Images: the quality asked for, as far as seen.
    pub image_quality: Option<Box<str>>,
    /// A field that steers gateways of other makes, as far as seen: never obeyed, and better refused than sent on.
    pub forbidden: Option<&'static str>,
    /// The whole form was seen. Until then a second `model` may still come: feed the rest to [`Form`] before it goes on.
    pub complete: bool,
}

/// A form field and where its value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The value, as offsets in the body.
    pub range: Range<usize>,
    /// The value.
    pub text: Box<str>,
}

impl Found {
    /// The same body with another model name; `body` has to begin where the form does.
    pub fn with_model(&self, body: &Bytes, name: &str) -> Bytes {
        let mut edits = Edits::none();
        if let Some(model) = &self.model
            && *model.text != *name
        {
            // A line end in a name would begin another part.
            let name: String = name.chars().filter(|c| !c.is_control()).collect();
            edits.replace(model.range.clone(), name.into());
        }
        edits.apply(body.clone())
    }
}

/// Looks at the beginning of a form, or at all of it when it has `ended`. Reads it from its start each time; [`Form`]
/// does the same piece by piece.
pub fn look(content_type: &str, prefix: &[u8], ended: bool) -> Look {
    let read = || {
        let mut form = Form::new(content_type)?;
        form.feed(prefix)?;
        if ended {
            form.end()?;
        }
        Ok(form.found())
    };
    match read() {
        Ok(Some(found)) => Look::Found(found),
        Ok(None) => Look::NeedMore,
        Err(message) => Look::Invalid(message),
    }
}
