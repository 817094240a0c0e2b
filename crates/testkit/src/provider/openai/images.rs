//! `POST /v1/images/generations` and `/v1/images/edits`

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::bill::Usage;
use super::super::call::{Authenticated, Prepared};
use super::super::frame::Frame;
use super::super::refusal::VendorError;
use super::super::sse;
use super::super::text::{TOKENS_PER_IMAGE, toy_tokens};
use super::{CREATED, bad};

/// Output tokens of one picture.
const TOKENS_PER_PICTURE: u64 = 272;

/// Pictures made at most by one call.
const MAX_PICTURES: u64 = 10;

/// A grey pixel.
const PIXEL_PNG: [u8; 67] = [
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00, 0x00, 0x00,
    0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00, 0x00, 0x00, 0x00, 0x3a, 0x7e, 0x9b, 0x55, 0x00, 0x00, 0x00, 0x0a, 0x49,
    0x44, 0x41, 0x54, 0x78, 0xda, 0x63, 0x68, 0x00, 0x00, 0x00, 0x82, 0x00, 0x81, 0xda, 0x45, 0x08, 0x3b, 0x00, 0x00,
    0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];

pub(super) fn generate(call: &Authenticated<'_>) -> Result<Prepared, VendorError> {
    let prompt = call
        .json
        .get("prompt")
        .and_then(Value::as_str)
        .ok_or_else(|| bad("Missing required parameter: 'prompt'.", Some("prompt")))?;
    let count = call.json.get("n").and_then(Value::as_u64).unwrap_or(1);
    let usage = usage(prompt, 0, count)?;
    if call.json.get("stream").and_then(Value::as_bool).unwrap_or(false) {
        return Ok(streamed("image_generation", &usage));
    }
    Ok(Prepared::json(&pictures(&usage), usage))
}

pub(super) fn edit(call: &Authenticated<'_>) -> Result<Prepared, VendorError> {
    let prompt =
        call.form.text("prompt").ok_or_else(|| bad("Missing required parameter: 'prompt'.", Some("prompt")))?;
    let images = call.form.files("image");
    if images == 0 {
        return Err(bad("Missing required parameter: 'image'.", Some("image")));
    }
    let count = call.form.text("n").and_then(|text| text.parse().ok()).unwrap_or(1);
    let usage = usage(&prompt, images, count)?;
    Ok(Prepared::json(&pictures(&usage), usage))
}

fn usage(prompt: &str, images: u64, count: u64) -> Result<Usage, VendorError> {
    if count == 0 || count > MAX_PICTURES {
        return Err(bad("Invalid 'n': must be between 1 and 10.", Some("n")));
    }
    let image_input = images * TOKENS_PER_IMAGE;
    Ok(Usage {
        uncached_input: toy_tokens(prompt) + image_input,
        image_input,
        output: count * TOKENS_PER_PICTURE,
        images: count,
        ..Usage::default()
    })
}

fn told(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.input(),
        "input_tokens_details": {"text_tokens": usage.input() - usage.image_input, "image_tokens": usage.image_input},
        "output_tokens": usage.output,
        "total_tokens": usage.input() + usage.output,
    })
}

fn pictures(usage: &Usage) -> Value {
    let data: Vec<Value> = (0..usage.images).map(|_| json!({"b64_json": STANDARD.encode(PIXEL_PNG)})).collect();
    json!({"created": CREATED, "data": data, "background": "opaque", "output_format": "png", "quality": "medium",
        "size": "1024x1024", "usage": told(usage)})
}

/// One partial picture, then the whole one with its usage.
fn streamed(family: &str, usage: &Usage) -> Prepared {
    let picture = STANDARD.encode(PIXEL_PNG);
    let common = json!({"b64_json": picture, "created_at": CREATED, "size": "1024x1024", "quality": "medium",
        "background": "opaque", "output_format": "png"});
    let event = |name: String, more: &[(&str, Value)]| {
        let mut body = common.clone();
        if let Some(fields) = body.as_object_mut() {
            fields.insert("type".to_owned(), json!(name));
            fields.extend(more.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        }
        sse::named(&name, &body.to_string())
    };
    let frames = vec![
        Frame::generated(
            event(format!("{family}.partial_image"), &[("partial_image_index", json!(0))]),
            usage.output / 2,
        ),
        Frame::generated(
            event(format!("{family}.completed"), &[("usage", told(usage))]),
            usage.output - usage.output / 2,
        ),
    ];
    Prepared::events(Box::new(frames.into_iter()), *usage)
}
