//! From a request to one JSON object: path parameters, query, `If-Match` and body together, each field once. The body's
//! own bytes are what is read, so that a secret in it goes straight to where secrets are kept.

use std::fmt::Write;

use axum::RequestExt;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Query, RawPathParams, Request};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, IF_MATCH};
use http::{HeaderMap, Method, Uri};
use keyward_domain::principal::Realm;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::cursor::{self, Binding};
use super::routes::Row;
use crate::error::AdminError;
use crate::field::BAD_CURSOR;

/// The longest request body, in bytes.
pub const MAX_BODY: usize = 64 * 1024;

/// The longest name of an unknown field that is repeated in an error.
const MAX_FIELD_ECHO: usize = 32;

/// What the header `If-Match` is called as a field.
const IF_MATCH_FIELD: &str = "if_match";

/// The object that an operation is read from. Wiped when dropped.
pub(super) struct Input {
    json: Zeroizing<Vec<u8>>,
    /// How many bytes stand before the body's own, on its first line.
    shift: usize,
    /// Fields that the path or a header says, so that nobody is told to send them.
    elsewhere: Vec<&'static str>,
}

/// Collects the object. Reads the body only after the caller has been let in.
pub(super) async fn collect(row: &Row, realm: Realm, mut request: Request) -> Result<Input, AdminError> {
    let mut fields = Vec::new();
    let params = request.extract_parts::<RawPathParams>().await;
    let params = params.map_err(|_| AdminError::invalid("the path is not valid UTF-8"))?;
    for (name, value) in &params {
        fields.push((name.to_owned(), quoted(value)));
    }
    let binding = Binding { list: row.name, realm };
    fields.extend(query_fields(&row.method, request.uri(), binding)?);
    fields.extend(if_match(request.headers())?);
    let has_body = row.method != Method::GET && row.method != Method::DELETE;
    let body = read_body(request, has_body).await?;
    let elsewhere = row.path_params().chain([IF_MATCH_FIELD]).collect();
    Ok(Input { elsewhere, ..assemble(&fields, &body)? })
}

/// Reads the operation from the object.
pub(super) fn decode<T: DeserializeOwned>(input: &Input) -> Result<T, AdminError> {
    let mut reader = serde_json::Deserializer::from_slice(&input.json);
    let value = serde_path_to_error::deserialize(&mut reader);
    let value = value.map_err(|error| explain(field_at(error.path()), error.inner(), input))?;
    reader.end().map_err(|error| explain(None, &error, input))?;
    Ok(value)
}

fn query_fields(method: &Method, uri: &Uri, binding: Binding) -> Result<Vec<(String, String)>, AdminError> {
    if uri.query().is_none_or(str::is_empty) {
        return Ok(Vec::new());
    }
    if method != Method::GET && method != Method::DELETE {
        return Err(AdminError::invalid("this endpoint takes its input in the body, not in the query"));
    }
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri);
    let Query(pairs) = pairs.map_err(|_| AdminError::invalid("the query is not valid"))?;
    let field = |(name, value): (String, String)| {
        let value = if name == cursor::FIELD { binding.open(&value)? } else { value };
        Ok((name, quoted(&value)))
    };
    pairs.into_iter().map(field).collect()
}

/// `If-Match: "3"` as the field `if_match`. `*` asks for nothing that the operation does not check anyway.
fn if_match(headers: &HeaderMap) -> Result<Option<(String, String)>, AdminError> {
    let Some(value) = headers.get(IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let digits = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let revision: u64 = digits.parse().map_err(|_| {
        AdminError::invalid_field("If-Match", "If-Match is the revision that the change is based on, such as \"3\"")
    })?;
    Ok(Some((IF_MATCH_FIELD.to_owned(), revision.to_string())))
}

async fn read_body(request: Request, wanted: bool) -> Result<Bytes, AdminError> {
    let headers = request.headers();
    let declared = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > MAX_BODY) {
        return Err(AdminError::BodyTooLarge(MAX_BODY));
    }
    let is_json = headers.get(CONTENT_TYPE).is_some_and(|kind| {
        let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
        kind.trim().eq_ignore_ascii_case("application/json")
    });
    let body = to_bytes(request.into_body(), MAX_BODY).await.map_err(|_| AdminError::BodyTooLarge(MAX_BODY))?;
    if body.is_empty() {
        return Ok(body);
    }
    if !wanted {
        return Err(AdminError::invalid("this endpoint takes no body"));
    }
    // Browsers send other sites' forms as anything but JSON, so this is also a wall against them.
    if is_json { Ok(body) } else { Err(AdminError::UnsupportedMediaType) }
}

fn assemble(fields: &[(String, String)], body: &[u8]) -> Result<Input, AdminError> {
    let mut head = String::from("{");
    for (index, (name, value)) in fields.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(head, "{comma}{}:{value}", quoted(name));
    }
    let trimmed = body.trim_ascii();
    let rest = match trimmed.split_first() {
        None => b"}".as_slice(),
        Some((b'{', rest)) => rest,
        Some(_) => return Err(AdminError::invalid("send a JSON object")),
    };
    if !fields.is_empty() && rest.trim_ascii_start().first() != Some(&b'}') {
        head.push(',');
    }
    let mut json = Zeroizing::new(Vec::with_capacity(head.len() + rest.len()));
    json.extend_from_slice(head.as_bytes());
    json.extend_from_slice(rest);
    Ok(Input { json, shift: head.len().saturating_sub(1), elsewhere: Vec::new() })
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The field that was read when it went wrong, as a path with dots. Only as far as its names are those of fields: names
/// in maps are the sender's own, and may be anything.
fn field_at(path: &serde_path_to_error::Path) -> Option<String> {
    let names = path.iter().map_while(|segment| match segment {
        serde_path_to_error::Segment::Map { key } if is_field_name(key) => Some(key.as_str()),
        _ => None,
    });
    Some(names.collect::<Vec<_>>().join(".")).filter(|field| !field.is_empty())
}

/// Names of fields are short and plain; what else stands where one is expected is not repeated.
fn is_field_name(name: &str) -> bool {
    name.len() <= MAX_FIELD_ECHO && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// What is wrong, without ever repeating a value: it may be a secret in the wrong place.
fn explain(field: Option<String>, error: &serde_json::Error, input: &Input) -> AdminError {
    let column = if error.line() == 1 { error.column().saturating_sub(input.shift) } else { error.column() };
    let place = format!("line {}, column {column}", error.line());
    if !error.is_data() {
        return AdminError::invalid(format!("The body is not valid JSON ({place})."));
    }
    let said = error.to_string();
    let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
    if said.contains(BAD_CURSOR) {
        return AdminError::BadCursor;
    }
    if let Some(rest) = said.strip_prefix("unknown field `") {
        return unknown_field(rest, &place, &input.elsewhere);
    }
    if let Some(field) = said.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        return AdminError::invalid_field(field.to_owned(), format!("The field `{field}` is missing."));
    }
    if let Some(field) = said.strip_prefix("duplicate field `").and_then(|rest| rest.strip_suffix('`')) {
        let message =
            format!("The field `{field}` is given twice; what the path or a header says is not repeated in the body.");
        return AdminError::invalid_field(field.to_owned(), message);
    }
    let message = match said.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected} ({place})"),
        None => said.to_owned(),
    };
    match field {
        Some(field) => AdminError::invalid_field(field.clone(), format!("`{field}`: {message}.")),
        None => AdminError::invalid(format!("{message}.")),
    }
}

fn unknown_field(rest: &str, place: &str, elsewhere: &[&str]) -> AdminError {
    let (name, known) = rest.split_once('`').unwrap_or((rest, ""));
    // The known ones stand between backquotes.
    let known = known.split('`').skip(1).step_by(2).filter(|field| !elsewhere.contains(field));
    let known: Vec<_> = known.map(|field| format!("`{field}`")).collect();
    let plain = is_field_name(name);
    let what = if plain {
        format!("The field `{name}` is not known here")
    } else {
        format!("A field is not known here ({place})")
    };
    let hint = if known.is_empty() {
        "this endpoint takes none.".to_owned()
    } else {
        format!("it takes {}.", known.join(", "))
    };
    AdminError::UnknownField(format!("{what}; {hint}"), plain.then(|| name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[expect(dead_code, reason = "read by serde only")]
        name: crate::field::Name,
        #[expect(dead_code, reason = "read by serde only")]
        count: Option<u8>,
    }

    fn read(fields: &[(&str, &str)], body: &str) -> Result<Sample, AdminError> {
        let fields: Vec<_> = fields.iter().map(|(name, value)| ((*name).to_owned(), quoted(value))).collect();
        decode(&assemble(&fields, body.as_bytes())?)
    }

    #[test]
    fn path_and_body_make_one_object() {
        for body in ["", "{}", " { } ", "{\"count\":1}", "\n{\"count\":null}\n"] {
            assert!(read(&[("name", "a")], body).is_ok(), "{body}");
        }
        assert!(read(&[], "{\"name\":\"a\"}").is_ok());
        for body in ["[]", "null", "{", "{\"count\":1}}", "{\"count\":1},{}", "x", "{\"name\":\"b\"}"] {
            assert!(read(&[("name", "a")], body).is_err(), "{body}");
        }
    }

    #[test]
    fn errors_name_the_field_and_never_the_value() {
        let canary = format!("sk-{}-{}", "canary", "0123456789abcdef");
        for body in [
            format!("{{\"name\":\"{canary}\"}}"),
            format!("{{\"name\":\"a\",\"count\":\"{canary}\"}}"),
            format!("{{\"name\":\"a\",\"{canary}\":1}}"),
            format!("{{\"name\":[\"{canary}\"]}}"),
            format!("{{\"name\":\"a\",\"count\":1}}{canary}"),
        ] {
            let error = read(&[], &body).unwrap_err();
            assert!(!error.message().contains("canary"), "{body}: {error}");
            assert!(!error.param().unwrap_or_default().contains("canary"), "{body}");
        }
        assert_eq!(read(&[], "{}").unwrap_err().param(), Some("name"));
        assert_eq!(read(&[], "{\"name\":\"a\",\"cuont\":1}").unwrap_err().param(), Some("cuont"));
        assert_eq!(read(&[], "{\"name\":\"a\",\"count\":\"x\"}").unwrap_err().param(), Some("count"));
        assert!(read(&[], "{\"name\":\"A\"}").unwrap_err().message().starts_with("`name`: names are"));
    }
}
