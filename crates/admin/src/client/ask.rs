use std::fmt::Write;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, IF_MATCH};
use http::{Method, Request};
use keyward_domain::secret::Secret;
use serde_json::Value;

use crate::rest::API;

/// One call of the API.
#[derive(Debug)]
pub struct Ask {
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    body: Option<Value>,
    secret: Option<Secret>,
    if_match: Option<u64>,
}

/// The path of these parts, each escaped: `path(&["keys", "openai/primary", "test"])`.
pub fn path(parts: &[&str]) -> String {
    let mut path = String::new();
    for part in parts {
        path.push('/');
        escape(part, &mut path);
    }
    path
}

impl Ask {
    /// A call. The path is what follows `/api/v1`, made by [`path`].
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), query: Vec::new(), body: None, secret: None, if_match: None }
    }

    /// A `GET`.
    pub fn get(parts: &[&str]) -> Self {
        Self::new(Method::GET, path(parts))
    }

    /// A `POST` with an empty object as its body.
    pub fn post(parts: &[&str]) -> Self {
        Self::new(Method::POST, path(parts)).body(Value::Object(serde_json::Map::new()))
    }

    /// The same with this body, an object.
    #[must_use]
    pub fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// The same with a query parameter, when there is a value.
    #[must_use]
    pub fn query(mut self, name: &str, value: Option<impl ToString>) -> Self {
        self.query.extend(value.map(|value| (name.to_owned(), value.to_string())));
        self
    }

    /// The same with a secret as the body's field `secret`. It never becomes a JSON value.
    #[must_use]
    pub fn secret(mut self, secret: Secret) -> Self {
        self.secret = Some(secret);
        self
    }

    /// The same, done only if the object is at this revision.
    #[must_use]
    pub fn if_match(mut self, revision: Option<u64>) -> Self {
        self.if_match = revision;
        self
    }

    /// The request as it goes out; an error says what cannot be written.
    pub(super) fn into_request(self, host: &str, token: Option<&Secret>) -> Result<Request<Vec<u8>>, String> {
        let mut target = format!("{API}{}", self.path);
        for (index, (name, value)) in self.query.iter().enumerate() {
            target.push(if index == 0 { '?' } else { '&' });
            escape(name, &mut target);
            target.push('=');
            escape(value, &mut target);
        }
        let mut request = Request::builder().method(self.method).uri(target).header(HOST, host);
        if let Some(token) = token {
            let mut value = HeaderValue::try_from([b"Bearer ", token.expose()].concat())
                .map_err(|_| "The token holds characters that no token has. Copy it again.".to_owned())?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        if let Some(revision) = self.if_match {
            request = request.header(IF_MATCH, format!("\"{revision}\""));
        }
        let body = write_body(self.body, self.secret)?;
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        request.body(body).map_err(|error| format!("The request could not be written: {error}."))
    }
}

/// The body's bytes, with the secret written in front of the other fields.
fn write_body(body: Option<Value>, secret: Option<Secret>) -> Result<Vec<u8>, String> {
    let Some(body) = body else { return Ok(Vec::new()) };
    let text = body.to_string();
    let Some(secret) = secret else { return Ok(text.into_bytes()) };
    let Some(rest) = text.strip_prefix('{') else { return Err("The body is not an object.".to_owned()) };
    let shown =
        std::str::from_utf8(secret.expose()).map_err(|_| "The secret is not text. Copy it again.".to_owned())?;
    let mut bytes = b"{\"secret\":".to_vec();
    serde_json::to_writer(&mut bytes, shown).map_err(|error| error.to_string())?;
    bytes.push(if rest.starts_with('}') { b' ' } else { b',' });
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

/// Escapes everything but unreserved characters.
fn escape(text: &str, into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(into, "%{byte:02X}");
        }
    }
}
