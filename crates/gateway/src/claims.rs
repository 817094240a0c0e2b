//! What a call says about itself, as far as its key may say so: the caller's own customer, labels, and how urgent it is.

use std::sync::Arc;

use http::{HeaderMap, HeaderName};
use keyward_domain::denial::Denial;
use keyward_domain::ledger::Attributed;
use keyward_domain::scope::{MAX_CLAIM, MAX_TAGS};
use keyward_domain::virtual_key::{Priority, matches};

use crate::snapshot::KeyEntry;

static END_USER: HeaderName = HeaderName::from_static("x-keyward-end-user");
static TAGS: HeaderName = HeaderName::from_static("x-keyward-tags");
static PRIORITY: HeaderName = HeaderName::from_static("x-keyward-priority");

/// Whom the call is attributed to: what its key says, and what the call itself may add.
pub(crate) fn attributed(key: &KeyEntry, headers: &HeaderMap) -> Result<Option<Arc<Attributed>>, Denial> {
    let (end_user, tags) = (text(headers, &END_USER)?, text(headers, &TAGS)?);
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
        return Err(Denial::InvalidRequest(format!("A call can carry at most {MAX_TAGS} tags."), Some(TAGS.as_str())));
    }
    Ok(Some(Arc::new(attributed)))
}

/// How urgent the call is. A call that does not say is as urgent as its key allows, up to what is usual.
pub(crate) fn priority(key: &KeyEntry, headers: &HeaderMap) -> Result<Priority, Denial> {
    let highest = key.record.claims.priority;
    let Some(word) = text(headers, &PRIORITY)? else { return Ok(highest.min(Priority::Normal)) };
    let Some(asked) = Priority::parse(word) else {
        return Err(Denial::InvalidRequest(
            format!("`{PRIORITY}` has to be `low`, `normal` or `high`."),
            Some(PRIORITY.as_str()),
        ));
    };
    if asked > highest { Err(Denial::ClaimNotAllowed(PRIORITY.as_str())) } else { Ok(asked) }
}

fn allowed_end_user(key: &KeyEntry, name: &str) -> Result<Arc<str>, Denial> {
    if !key.record.claims.end_user {
        return Err(Denial::ClaimNotAllowed(END_USER.as_str()));
    }
    fitting(name, END_USER.as_str())
}

fn allowed_tag(key: &KeyEntry, tag: &str) -> Result<Arc<str>, Denial> {
    // What the key says of all its calls, one of them may repeat.
    let is_own = key.record.tags.iter().any(|own| own == tag);
    if !is_own && !key.record.claims.tags.iter().any(|pattern| matches(pattern, tag)) {
        return Err(Denial::ClaimNotAllowed(TAGS.as_str()));
    }
    fitting(tag, TAGS.as_str())
}

fn fitting(name: &str, header: &'static str) -> Result<Arc<str>, Denial> {
    if name.len() > MAX_CLAIM || name.chars().any(char::is_control) {
        let sentence = format!("A name in `{header}` can have at most {MAX_CLAIM} bytes and no control characters.");
        return Err(Denial::InvalidRequest(sentence, Some(header)));
    }
    Ok(name.into())
}

/// The one value of a header; `None` when it is missing or empty.
fn text<'a>(headers: &'a HeaderMap, name: &'static HeaderName) -> Result<Option<&'a str>, Denial> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Denial::InvalidRequest(
            format!("`{name}` is given more than once. Send it once."),
            Some(name.as_str()),
        ));
    }
    let text = std::str::from_utf8(value.as_bytes()).map(str::trim);
    let text = text.map_err(|_| Denial::InvalidRequest(format!("`{name}` is not UTF-8."), Some(name.as_str())))?;
    Ok((!text.is_empty()).then_some(text))
}
