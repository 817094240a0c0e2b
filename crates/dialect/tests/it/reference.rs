//! The plain way to meter a stream: split lines, parse every event into a tree, look everything up. Slow and obvious; the
//! meter has to agree with it.

use serde_json::Value;

/// What the plain way finds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plain {
    pub(crate) usage: Option<Value>,
    pub(crate) content_bytes: u64,
    pub(crate) complete: bool,
    pub(crate) failed: bool,
}

/// The data of every event.
pub(crate) fn events(stream: &[u8]) -> Vec<String> {
    let text = String::from_utf8(stream.to_vec()).unwrap();
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text).replace("\r\n", "\n").replace('\r', "\n");
    let mut events = Vec::new();
    let mut data: Vec<String> = Vec::new();
    for line in text.split('\n') {
        if line.is_empty() {
            if !data.is_empty() {
                events.push(data.join("\n"));
            }
            data.clear();
        } else if let Some(value) = line.strip_prefix("data:") {
            data.push(value.strip_prefix(' ').unwrap_or(value).to_owned());
        }
    }
    events
}

/// Meters an OpenAI chat stream.
pub(crate) fn chat(stream: &[u8]) -> Plain {
    let mut plain = Plain::default();
    for event in events(stream) {
        if event.starts_with("[DONE]") {
            plain.complete = true;
            continue;
        }
        let Ok(tree) = serde_json::from_str::<Value>(&event) else { continue };
        if !tree["error"].is_null() {
            plain.failed = true;
            continue;
        }
        if !tree["usage"].is_null() {
            plain.usage = Some(tree["usage"].clone());
        }
        for choice in tree["choices"].as_array().into_iter().flatten() {
            let delta = &choice["delta"];
            for key in ["content", "reasoning_content", "refusal"] {
                plain.content_bytes += len(&delta[key]);
            }
            for call in delta["tool_calls"].as_array().into_iter().flatten() {
                plain.content_bytes += len(&call["function"]["name"]) + len(&call["function"]["arguments"]);
            }
        }
    }
    plain
}

/// What a client that did not ask for usage should get, event by event.
pub(crate) fn hidden(stream: &[u8]) -> Vec<Value> {
    let mut seen = Vec::new();
    for event in events(stream) {
        let Ok(mut tree) = serde_json::from_str::<Value>(&event) else {
            seen.push(Value::String(event));
            continue;
        };
        let no_choices = tree["choices"].as_array().is_none_or(Vec::is_empty);
        if !tree["usage"].is_null() && no_choices && tree["error"].is_null() {
            continue;
        }
        if tree["error"].is_null() && tree.get("usage").is_some_and(Value::is_null) {
            tree.as_object_mut().unwrap().remove("usage");
        }
        seen.push(tree);
    }
    seen
}

fn len(value: &Value) -> u64 {
    value.as_str().map_or(0, |text| text.len() as u64)
}
