//! A checker for the part of JSON Schema that callers use, written apart from the sandbox's generator; and the proof
//! that what the generator makes passes it.

use http::HeaderMap;
use keyward_provider::sandbox::answer;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Whether a value fits a schema; the error says where it does not.
pub(super) fn check(schema: &Value, value: &Value) -> Result<(), String> {
    fits(schema, schema, value)
}

fn fits(schema: &Value, root: &Value, value: &Value) -> Result<(), String> {
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        let found = root.pointer(target.trim_start_matches('#')).ok_or("a dangling $ref")?;
        return fits(found, root, value);
    }
    let wrong = |what: &str| Err(format!("{value} does not fit {schema}: {what}"));
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array) {
        return if allowed.contains(value) { Ok(()) } else { wrong("enum") };
    }
    for name in ["anyOf", "oneOf"] {
        if let Some(branches) = schema.get(name).and_then(Value::as_array) {
            return if branches.iter().any(|branch| fits(branch, root, value).is_ok()) { Ok(()) } else { wrong(name) };
        }
    }
    for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        fits(part, root, value)?;
    }
    let number = |name: &str| schema.get(name).and_then(Value::as_f64);
    match schema.get("type").and_then(Value::as_str) {
        Some("object") => {
            let Value::Object(fields) = value else { return wrong("no object") };
            for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
                if !fields.contains_key(name.as_str().unwrap_or_default()) {
                    return wrong("a property is missing");
                }
            }
            for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
                if let Some(field) = fields.get(name) {
                    fits(property, root, field)?;
                }
            }
            Ok(())
        }
        Some("array") => {
            let Value::Array(items) = value else { return wrong("no array") };
            let count = f64::from(u32::try_from(items.len()).unwrap_or(u32::MAX));
            if number("minItems").is_some_and(|least| count < least)
                || number("maxItems").is_some_and(|most| count > most)
            {
                return wrong("too few or too many items");
            }
            items.iter().try_for_each(|item| schema.get("items").map_or(Ok(()), |one| fits(one, root, item)))
        }
        Some("string") => {
            let Value::String(text) = value else { return wrong("no string") };
            let count = f64::from(u32::try_from(text.chars().count()).unwrap_or(u32::MAX));
            let bad = number("minLength").is_some_and(|least| count < least)
                || number("maxLength").is_some_and(|most| count > most);
            if bad { wrong("too short or too long") } else { Ok(()) }
        }
        Some(kind @ ("integer" | "number")) => {
            let Some(given) = value.as_f64() else { return wrong("no number") };
            let bad = (kind == "integer" && value.as_i64().is_none())
                || number("minimum").is_some_and(|least| given < least)
                || number("maximum").is_some_and(|most| given > most)
                || number("exclusiveMinimum").is_some_and(|least| given <= least)
                || number("exclusiveMaximum").is_some_and(|most| given >= most)
                || number("multipleOf").is_some_and(|step| given % step != 0.0);
            if bad { wrong("out of bounds") } else { Ok(()) }
        }
        Some("boolean") if !value.is_boolean() => wrong("no boolean"),
        Some("null") if !value.is_null() => wrong("not null"),
        _ => Ok(()),
    }
}

/// What the sandbox answers to this schema.
fn made(schema: &Value) -> Value {
    let asked = json!({"model": "sandbox-small", "messages": [{"role": "user", "content": "x"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}});
    let scripted = answer("POST", "/v1/chat/completions", &HeaderMap::new(), asked.to_string().as_bytes());
    let body: Vec<u8> = scripted.pieces.flat_map(|(_, piece)| piece.to_vec()).collect();
    let said: Value = serde_json::from_slice(&body).expect("a JSON document");
    let text = said.pointer("/choices/0/message/content").and_then(Value::as_str).expect("a text");
    serde_json::from_str(text).expect("a JSON text")
}

#[test]
fn hard_schemas() {
    let cases = [
        json!({"$defs": {"node": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}}}}, "$ref": "#/$defs/node"}),
        json!({"anyOf": [{"type": "null"}, {"type": "integer", "minimum": 5}]}),
        json!({"allOf": [{"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}, {"type": "object", "required": ["b"], "properties": {"b": {"type": "boolean"}}}]}),
        json!({"type": "number", "minimum": 0.2, "maximum": 0.8}),
        json!({"type": "number", "maximum": -3}),
        json!({"type": "number", "exclusiveMaximum": 0}),
        json!({"type": "integer", "minimum": -7, "maximum": -2, "multipleOf": 3}),
        json!({"type": "array", "minItems": 3, "maxItems": 3, "items": {"enum": ["x"]}}),
        json!({"type": "string", "maxLength": 2}),
        json!({"type": "string", "minLength": 30}),
        json!({"type": "object", "required": ["unlisted"]}),
    ];
    for schema in cases {
        check(&schema, &made(&schema)).unwrap();
    }
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0_u32..20, 0_u32..20)
            .prop_map(|(a, b)| json!({"type": "string", "minLength": a.min(b), "maxLength": a.max(b)})),
        (-50_i32..50, 0_i32..50)
            .prop_map(|(least, more)| json!({"type": "integer", "minimum": least, "maximum": least + more})),
        (-50_i32..50).prop_map(|most| json!({"type": "number", "maximum": most})),
        (-50_i32..50).prop_map(|least| json!({"type": "integer", "exclusiveMinimum": least})),
        Just(json!({"type": "boolean"})),
        Just(json!({"type": "null"})),
        proptest::collection::vec("[a-z]{1,5}", 1..4).prop_map(|words| json!({"enum": words})),
    ]
}

fn schema() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            (proptest::collection::btree_map("[a-z]{1,4}", inner.clone(), 0..4), any::<bool>()).prop_map(
                |(fields, all)| {
                    let required: Vec<String> = if all { fields.keys().cloned().collect() } else { Vec::new() };
                    let properties: Map<String, Value> = fields.into_iter().collect();
                    json!({"type": "object", "properties": properties, "required": required})
                }
            ),
            (inner.clone(), 0_u32..4, 0_u32..4).prop_map(
                |(item, a, b)| json!({"type": "array", "items": item, "minItems": a.min(b), "maxItems": a.max(b)})
            ),
            proptest::collection::vec(inner, 1..3).prop_map(|branches| json!({"anyOf": branches})),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_the_schema_the_answer_fits(schema in schema()) {
        let wrapped = json!({"type": "object", "properties": {"it": schema}, "required": ["it"]});
        prop_assert_eq!(check(&wrapped, &made(&wrapped)), Ok(()));
    }
}
