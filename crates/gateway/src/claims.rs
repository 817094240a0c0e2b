//! What a call says about itself, as far as its key may say so: the caller's own customer, labels, and how urgent it is.

use std::sync::Arc;

use http::HeaderMap;
use keyward_domain::denial::Denial;
use keyward_domain::ledger::Attributed;
use keyward_domain::scope::{MAX_CLAIM, MAX_TAGS};
use keyward_domain::virtual_key::{Priority, matches};

use crate::snapshot::KeyEntry;

const END_USER: &str = "x-keyward-end-user";
const TAGS: &str = "x-keyward-tags";
const PRIORITY: &str = "x-keyward-priority";

/// Whom the call is attributed to: what its key says, and what the call itself may add.
pub(crate) fn attributed(key: &KeyEntry, headers: &HeaderMap) -> Result<Option<Arc<Attributed>>, Denial> {
    let (end_user, tags) = (text(headers, END_USER)?, text(headers, TAGS)?);
    if end_user.is_none() && tags.is_none() {
        return Ok(key.attributed.clone());
    }
    let mut attributed = key.attributed.as_deref().cloned().unwrap_or_default();
    if let Some(name) = end_user {
        attributed.end_user = Some(allowed_end_user(key, name)?);
    }
    for tag in tags.into_iter().flat_map(|tags| tags.split(',')).map(str::trim).filter(|tag| !tag.is_empty()) {
        attributed.tags.push(allowed_tag(key, tag)?);
    }
    attributed.tags.sort();
    attributed.tags.dedup();
    if attributed.tags.len() > MAX_TAGS {
        return Err(Denial::InvalidRequest(format!("A call can carry at most {MAX_TAGS} tags."), Some(TAGS)));
    }
    Ok(Some(Arc::new(attributed)))
}

/// How urgent the call is. A call that does not say is as urgent as its key allows, up to what is usual.
pub(crate) fn priority(key: &KeyEntry, headers: &HeaderMap) -> Result<Priority, Denial> {
    let highest = key.record.claims.priority;
    let Some(word) = text(headers, PRIORITY)? else { return Ok(highest.min(Priority::Normal)) };
    let Some(asked) = Priority::parse(word) else {
        return Err(Denial::InvalidRequest(
            format!("`{PRIORITY}` has to be `low`, `normal` or `high`."),
            Some(PRIORITY),
        ));
    };
    if asked > highest { Err(Denial::ClaimNotAllowed(PRIORITY)) } else { Ok(asked) }
}

fn allowed_end_user(key: &KeyEntry, name: &str) -> Result<Arc<str>, Denial> {
    if !key.record.claims.end_user {
        return Err(Denial::ClaimNotAllowed(END_USER));
    }
    fitting(name, END_USER)
}

fn allowed_tag(key: &KeyEntry, tag: &str) -> Result<Arc<str>, Denial> {
    // What the key says of all its calls, one of them may repeat.
    let is_own = key.record.tags.iter().any(|own| own == tag);
    if !is_own && !key.record.claims.tags.iter().any(|pattern| matches(pattern, tag)) {
        return Err(Denial::ClaimNotAllowed(TAGS));
    }
    fitting(tag, TAGS)
}

fn fitting(name: &str, header: &'static str) -> Result<Arc<str>, Denial> {
    if name.len() > MAX_CLAIM || name.chars().any(char::is_control) {
        let sentence = format!("A name in `{header}` can have at most {MAX_CLAIM} bytes and no control characters.");
        return Err(Denial::InvalidRequest(sentence, Some(header)));
    }
    Ok(name.into())
}

/// The one value of a header; `None` when it is missing or empty.
fn text<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, Denial> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Denial::InvalidRequest(format!("`{name}` is given more than once. Send it once."), Some(name)));
    }
    let text = std::str::from_utf8(value.as_bytes()).map(str::trim);
    let text = text.map_err(|_| Denial::InvalidRequest(format!("`{name}` is not UTF-8."), Some(name)))?;
    Ok((!text.is_empty()).then_some(text))
}
