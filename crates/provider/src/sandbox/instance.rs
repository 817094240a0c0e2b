//! A value that fits a JSON schema, or Gemini's dialect of one. The same schema always gives the same value.

use serde_json::{Map, Value, json};

/// Schemas are followed to this depth; below it only what ends at once is made.
const MAX_DEPTH: usize = 12;
/// No list or text is made longer, whatever minimum is asked for.
const MAX_LENGTH: u64 = 256;

/// A value that fits. Of several possibilities the first; every property that the schema lists; lists of one item.
pub(super) fn of(schema: &Value) -> Value {
    make(schema, schema, MAX_DEPTH)
}

fn make(schema: &Value, root: &Value, depth: usize) -> Value {
    let Some(deeper) = depth.checked_sub(1) else { return Value::Null };
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        let found = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return found.map_or(Value::Null, |found| make(found, root, deeper));
    }
    for name in ["const", "default"] {
        if let Some(value) = schema.get(name) {
            return value.clone();
        }
    }
    if let Some(first) = schema.get("enum").and_then(Value::as_array).and_then(|values| values.first()) {
        return first.clone();
    }
    for name in ["anyOf", "oneOf"] {
        let branches = schema.get(name).and_then(Value::as_array);
        let first = branches.and_then(|all| all.iter().find(|branch| !is_null(branch)).or_else(|| all.first()));
        if let Some(branch) = first {
            return make(branch, root, deeper);
        }
    }
    if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
        return joined(parts.iter().map(|part| make(part, root, deeper)));
    }
    match type_of(schema).as_str() {
        "object" => object(schema, root, deeper),
        "array" => array(schema, root, deeper),
        "string" => string(schema),
        "integer" | "number" => number(schema),
        "boolean" => Value::Bool(true),
        "null" => Value::Null,
        _ if schema.get("properties").is_some() => object(schema, root, deeper),
        _ if schema.get("items").is_some() => array(schema, root, deeper),
        _ if depth == MAX_DEPTH => json!({}),
        _ => json!("sandbox"),
    }
}

/// The type in lower case (Gemini writes it in capitals); of several, the first that is not null.
fn type_of(schema: &Value) -> String {
    let named = match schema.get("type") {
        Some(Value::Array(types)) => types.iter().find(|one| *one != "null").or_else(|| types.first()),
        other => other,
    };
    named.and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase()
}

fn is_null(schema: &Value) -> bool {
    type_of(schema) == "null"
}

fn object(schema: &Value, root: &Value, depth: usize) -> Value {
    let listed = schema.get("properties").and_then(Value::as_object);
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let mut made = Map::new();
    for (name, property) in listed.into_iter().flatten() {
        // Deep down only what has to be there, so that schemas which contain themselves come to an end.
        if depth > MAX_DEPTH / 2 || required.contains(&name.as_str()) {
            made.insert(name.clone(), make(property, root, depth));
        }
    }
    for name in required {
        made.entry(name).or_insert_with(|| json!("sandbox"));
    }
    Value::Object(made)
}

fn array(schema: &Value, root: &Value, depth: usize) -> Value {
    let fewest = whole(schema, "minItems").unwrap_or(0);
    let most = whole(schema, "maxItems").unwrap_or(u64::MAX);
    let wanted = if depth > MAX_DEPTH / 2 { fewest.max(1) } else { fewest };
    let leading = schema.get("prefixItems").and_then(Value::as_array);
    let mut items: Vec<Value> = leading.into_iter().flatten().map(|item| make(item, root, depth)).collect();
    let any = json!({"type": "string"});
    let item = schema.get("items").filter(|item| item.is_object()).unwrap_or(&any);
    while u64::try_from(items.len()).unwrap_or(u64::MAX) < wanted.min(most).min(MAX_LENGTH) {
        items.push(make(item, root, depth));
    }
    Value::Array(items)
}

fn string(schema: &Value) -> Value {
    let text = match schema.get("format").and_then(Value::as_str).unwrap_or_default() {
        "date-time" => "2026-11-20T00:00:00Z",
        "date" => "2026-11-20",
        "time" => "00:00:00Z",
        "duration" => "PT1S",
        "email" => "sandbox@example.com",
        "hostname" => "sandbox.example.com",
        "ipv4" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        "uri" | "url" => "https://sandbox.example.com/",
        "uuid" => "00000000-0000-4000-8000-000000000000",
        _ => "sandbox",
    };
    let fewest = whole(schema, "minLength").unwrap_or(0).min(MAX_LENGTH);
    let most = whole(schema, "maxLength").unwrap_or(u64::MAX);
    let mut text: String = text.chars().take(usize::try_from(most).unwrap_or(usize::MAX)).collect();
    while u64::try_from(text.len()).unwrap_or(u64::MAX) < fewest {
        text.push('x');
    }
    Value::String(text)
}

/// The first whole number that the bounds and the step allow; where no whole number fits, a bound itself.
fn number(schema: &Value) -> Value {
    let bound = |name: &str| schema.get(name).filter(|value| value.is_number());
    let whole_above = |value: &Value| value.as_i64().or_else(|| value.as_f64().map(ceiling));
    let least = bound("minimum").and_then(whole_above);
    let above = bound("exclusiveMinimum").and_then(Value::as_i64).map(|above| above.saturating_add(1));
    let least = least.max(above);
    let step = bound("multipleOf").and_then(Value::as_i64).filter(|step| *step > 0).unwrap_or(1);
    let most = bound("maximum").or_else(|| bound("exclusiveMaximum"));
    let below = most.and_then(Value::as_f64).unwrap_or(f64::INFINITY);
    let start = least.unwrap_or(1);
    let stepped = start.saturating_add((step - start.rem_euclid(step)) % step);
    if least.is_none() && below <= 1.0 {
        return most
            .and_then(Value::as_i64)
            .map_or_else(|| json!(below - 0.5), |most| json!(most.saturating_sub(step)));
    }
    let fits = stepped.to_string().parse().is_ok_and(|value: f64| value <= below);
    if fits { json!(stepped) } else { bound("minimum").or(most).cloned().unwrap_or_else(|| json!(stepped)) }
}

/// The next whole number, through its written form: there is no lossless conversion.
fn ceiling(value: f64) -> i64 {
    format!("{:.0}", value.ceil()).parse().unwrap_or(i64::MAX)
}

fn joined(parts: impl Iterator<Item = Value>) -> Value {
    let mut made = Map::new();
    let mut last = Value::Null;
    for part in parts {
        match part {
            Value::Object(fields) => made.extend(fields),
            other => last = other,
        }
    }
    if made.is_empty() { last } else { Value::Object(made) }
}

fn whole(schema: &Value, name: &str) -> Option<u64> {
    // Gemini writes these numbers as texts.
    let value = schema.get(name)?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}
