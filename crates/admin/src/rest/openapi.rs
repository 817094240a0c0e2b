//! The API's description, made from the table of routes and the types behind it.

use std::collections::BTreeMap;

use http::Method;
use keyward_domain::principal::{Action, Resource};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use super::API;
use super::routes::{Row, table};
use crate::control::Control;
use crate::error::AdminError;
use crate::operation::{Operation, Permit};

/// Shows this description of the API, in OpenAPI 3.1.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadOpenApi {}

impl Operation for ReadOpenApi {
    type Output = Value;
    const NAME: &'static str = "openapi.show";
    const ACTION: Action = Action::Read;
    const RESOURCE: Resource = Resource::Team;

    async fn perform(self, _: &Control, _: &Permit<'_>) -> Result<Value, AdminError> {
        Ok(Value::Null)
    }

    fn as_text(_: &Value) -> Option<(&'static str, String)> {
        Some(("application/json", openapi()))
    }
}

/// The description as JSON text; the same on every call.
pub fn openapi() -> String {
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let mut schemas: BTreeMap<String, Value> = BTreeMap::new();
    for row in table() {
        let path = paths.entry(format!("{API}{}", row.path)).or_default();
        path.insert(row.method.as_str().to_ascii_lowercase(), described(row));
        let mut named = Vec::new();
        (row.schemas)(&mut named);
        named.extend((row.output_name)().map(|name| (name, (row.output)())));
        for (name, schema) in named {
            schemas.insert(name, as_json(&schema));
        }
    }
    schemas.insert("Error".to_owned(), error_schema());
    let description = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Keyward control plane",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Everything the command line does. Needs an admin token, except on the admin socket.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "security": [{ "admin_token": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "admin_token": { "type": "http", "scheme": "bearer", "bearerFormat": "kw_adm_..." } },
        },
    });
    serde_json::to_string_pretty(&description).unwrap_or_default()
}

fn described(row: &Row) -> Value {
    let input = as_json(&(row.input)());
    let description = input.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
    let fields = input.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    let required: Vec<&str> = input
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let in_path: Vec<_> = row.path_params().collect();
    let has_body = row.method != Method::GET && row.method != Method::DELETE;

    let mut parameters = Vec::new();
    let mut body = Map::new();
    for (name, schema) in fields {
        if in_path.contains(&name.as_str()) {
            parameters.push(parameter(&name, "path", true, &schema));
        } else if name == "if_match" {
            parameters.push(parameter("If-Match", "header", false, &schema));
        } else if has_body {
            body.insert(name, schema);
        } else {
            parameters.push(parameter(&name, "query", required.contains(&name.as_str()), &schema));
        }
    }
    let mut described = json!({
        "operationId": row.name,
        "tags": [row.name.split('.').next().unwrap_or_default()],
        "summary": first_sentence(&description),
        "description": format!("{description}\n\nNeeds the role `{}`.", needed_role(row.action)),
        "parameters": parameters,
        "responses": responses(row),
    });
    if has_body && let Some(parts) = described.as_object_mut() {
        let needed: Vec<_> = required.into_iter().filter(|name| body.contains_key(*name)).collect();
        let is_needed = !needed.is_empty();
        let schema = json!({ "type": "object", "additionalProperties": false, "properties": body, "required": needed });
        parts.insert(
            "requestBody".to_owned(),
            json!({ "required": is_needed, "content": { "application/json": { "schema": schema } } }),
        );
    }
    described
}

fn parameter(name: &str, place: &str, required: bool, schema: &Value) -> Value {
    let mut schema = without_null(schema);
    let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
    let description = description.unwrap_or_else(|| json!("The revision that the change is based on."));
    json!({ "name": name, "in": place, "required": required, "description": description, "schema": schema })
}

/// A parameter that is left out is simply not there; only in bodies can a value be `null`.
fn without_null(schema: &Value) -> Value {
    let is_null = |schema: &Value| schema.get("type").is_some_and(|kind| kind == "null");
    if let Some(choices) = schema.get("oneOf").and_then(Value::as_array)
        && let Some(only) = choices.iter().find(|choice| !is_null(choice))
    {
        return only.clone();
    }
    let mut schema = schema.clone();
    if let Some(kind) = schema.get_mut("type")
        && let Some(word) = kind.as_array().and_then(|kinds| kinds.iter().find(|kind| *kind != "null")).cloned()
    {
        *kind = word;
    }
    schema
}

fn responses(row: &Row) -> Value {
    let schema = match (row.output_name)() {
        Some(name) => json!({ "$ref": format!("#/components/schemas/{name}") }),
        None => as_json(&(row.output)()),
    };
    let said = row.status.canonical_reason().unwrap_or("OK");
    let refusal = json!({
        "description": "Refused; `error.code` says why and `error.message` what to do.",
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } },
    });
    let mut responses = Map::new();
    let success = json!({ "description": said, "content": { row.content_type: { "schema": schema } } });
    responses.insert(row.status.as_u16().to_string(), success);
    responses.insert("default".to_owned(), refusal);
    Value::Object(responses)
}

fn error_schema() -> Value {
    json!({
        "type": "object",
        "description": "A refusal.",
        "required": ["error"],
        "properties": { "error": {
            "type": "object",
            "required": ["code", "message", "param", "request_id"],
            "properties": {
                "code": { "type": "string", "description": "Stable; for programs." },
                "message": { "type": "string", "description": "What is wrong and what to do; for people." },
                "param": { "type": ["string", "null"], "description": "The field to blame." },
                "request_id": { "type": "string", "description": "What to look for in the server's log." },
            },
        } },
    })
}

const fn needed_role(action: Action) -> &'static str {
    match action {
        Action::Read => "viewer",
        Action::Write => "operator",
        Action::Reveal | Action::Administer => "owner",
    }
}

fn first_sentence(text: &str) -> &str {
    text.split_once(". ").map_or(text, |(first, _)| first).lines().next().unwrap_or_default().trim_end_matches('.')
}

fn as_json(schema: &RefOr<Schema>) -> Value {
    serde_json::to_value(schema).unwrap_or_default()
}
