//! What of a request says that it is the same one again.

use aws_lc_rs::digest::{Context, SHA256};
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, HeaderName};
use keyward_domain::call_name::Digest;
use keyward_domain::denial::Denial;
use keyward_domain::token::TokenId;

use crate::stage::read::{Call, Payload};

static HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// The longest name, in bytes.
const MAX_NAME: usize = 255;

/// The name that the client gives the call; `None` when it gives none.
pub(super) fn name(headers: &HeaderMap) -> Result<Option<&[u8]>, Denial> {
    let mut values = headers.get_all(&HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let refused = |sentence: String| Err(Denial::InvalidRequest(sentence, Some(HEADER.as_str())));
    if values.next().is_some() {
        return refused("`Idempotency-Key` is given more than once. Send it once.".to_owned());
    }
    let name = value.as_bytes();
    if name.is_empty() || name.len() > MAX_NAME || !name.iter().all(u8::is_ascii_graphic) {
        return refused(format!(
            "`Idempotency-Key` has to be 1 to {MAX_NAME} visible ASCII characters. A random UUID is a good one."
        ));
    }
    Ok(Some(name))
}

/// The name within those of its virtual key: nobody meets another caller's.
pub(super) fn owned(key: TokenId, name: &[u8]) -> Digest {
    digest(&[&key.bits().to_be_bytes(), name])
}

/// What the request asks for: method, path, and the body as it was sent. An upload streams through, and clients write it
/// anew for each try, with another boundary between its parts; of it count the model and the length that was announced.
pub(super) fn fingerprint(call: &Call) -> Digest {
    let head = &call.head;
    let (method, path) = (head.method.as_str().as_bytes(), head.uri.path().as_bytes());
    match &call.payload {
        Payload::Nothing => digest(&[method, b"\n", path, b"\n"]),
        Payload::Json(body, _) => digest(&[method, b"\n", path, b"\n", body]),
        Payload::Form(..) => {
            let model = call.model.as_deref().unwrap_or_default();
            let length = head.headers.get(CONTENT_LENGTH).map_or(&b""[..], |length| length.as_bytes());
            digest(&[method, b"\n", path, b"\n", length, b"\n", model.as_bytes()])
        }
    }
}

fn digest(parts: &[&[u8]]) -> Digest {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}
