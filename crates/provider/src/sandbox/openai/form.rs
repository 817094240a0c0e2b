//! Just enough of `multipart/form-data` to serve uploads.

use http::HeaderMap;
use memchr::memmem;

/// A form field's bytes; `None` when there is no such field.
pub(super) fn field<'a>(headers: &HeaderMap, body: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let boundary = boundary(headers)?;
    let delimiter = format!("--{boundary}");
    let wanted = format!("name=\"{name}\"");
    let mut rest = body;
    loop {
        let at = memmem::find(rest, delimiter.as_bytes())?;
        rest = rest.get(at + delimiter.len()..)?;
        let head_end = memmem::find(rest, b"\r\n\r\n")?;
        let (head, after) = rest.split_at_checked(head_end)?;
        let content = after.get(4..)?;
        if memmem::find(head, wanted.as_bytes()).is_some() {
            let end = memmem::find(content, format!("\r\n{delimiter}").as_bytes()).unwrap_or(content.len());
            return content.get(..end);
        }
        rest = content;
    }
}

/// A form field as text; empty when there is no such field.
pub(super) fn text(headers: &HeaderMap, body: &[u8], name: &str) -> String {
    field(headers, body, name).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
}

fn boundary(headers: &HeaderMap) -> Option<String> {
    let content_type = headers.get(http::header::CONTENT_TYPE)?.to_str().ok()?;
    let (_, rest) = content_type.split_once("boundary=")?;
    let boundary = rest.split(';').next()?.trim().trim_matches('"');
    (!boundary.is_empty() && boundary.len() <= 70).then(|| boundary.to_owned())
}
