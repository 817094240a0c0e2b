//! What an answer says was made, or is held, by the account that answered.

use keyward_domain::dialect::{Dialect, Operation};

use crate::json::{Skip, is_null};

use super::request::id;
use super::scan::scan;
use super::{Bound, Kind};

/// A response object of OpenAI.
pub(crate) fn response(object: &[u8], bound: &mut Bound) {
    let _ends = Skip::new(object, 0).members(|skip, key| {
        match key {
            b"id" => bound.value(Kind::Response, skip.raw()?),
            b"conversation" => id(Kind::Conversation, skip.raw()?, bound),
            b"output" => items(skip.raw()?, bound),
            _ => skip.pass()?,
        }
        Some(())
    });
}

/// The items of a response.
pub(crate) fn items(list: &[u8], bound: &mut Bound) {
    let _ends = Skip::new(list, 0).elements(|skip| {
        item(skip.raw()?, bound);
        Some(())
    });
}

/// An item of a response. The client may refer to it by its id or by sending its encrypted content back without one.
pub(crate) fn item(object: &[u8], bound: &mut Bound) {
    let _ends = Skip::new(object, 0).members(|skip, key| {
        match key {
            b"id" => bound.value(Kind::Item, skip.raw()?),
            b"encrypted_content" => bound.value(Kind::Encrypted, skip.raw()?),
            b"container_id" => bound.value(Kind::Container, skip.raw()?),
            _ => skip.pass()?,
        }
        Some(())
    });
}

/// A message of Anthropic, whole or the `delta` at its end: the container that its code ran in, and the files made there.
pub(crate) fn message(object: &[u8], bound: &mut Bound) {
    let _ends = Skip::new(object, 0).members(|skip, key| {
        match key {
            b"container" => container(skip.raw()?, bound),
            b"content" => block(skip.raw()?, bound),
            _ => skip.pass()?,
        }
        Some(())
    });
}

/// The member `container` of such a message.
pub(crate) fn container(value: &[u8], bound: &mut Bound) {
    if !is_null(value) {
        id(Kind::Container, value, bound);
    }
}

/// A block of such a message, or all of them.
pub(crate) fn block(value: &[u8], bound: &mut Bound) {
    if memchr::memmem::find(value, b"\"file_id\"").is_some() {
        scan(Dialect::Anthropic, Operation::Messages, &mut Skip::new(value, 0), bound);
    }
}
