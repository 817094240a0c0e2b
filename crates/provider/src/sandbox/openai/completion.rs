//! `completions`, the legacy one.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{failure, finish, last_text, prompt_tokens, string, usage};
use crate::sandbox::ask::Ask;
use crate::sandbox::knobs::Knobs;
use crate::sandbox::reply::{Content, Reply};
use crate::sandbox::script::{Scripted, StreamParts, data};
use crate::sandbox::{CREATED, Request};

pub(super) fn answer(request: &Request<'_>, asked: &Value, knobs: &Knobs) -> Scripted {
    let ask = Ask {
        model: string(asked, "model"),
        question: last_text(asked),
        prompt_tokens: prompt_tokens(asked, "prompt"),
        max_tokens: asked.get("max_tokens").and_then(Value::as_u64),
        stream: asked.get("stream").and_then(Value::as_bool).unwrap_or(false),
        ..Ask::default()
    };
    let reply = Reply::to(&ask, None, knobs);
    let head = json!({"id": format!("cmpl-{}", request.id()), "object": "text_completion", "created": CREATED, "model": ask.model});
    let document = move |text: &str, end: Value, used: Option<Value>| {
        let mut document = head.clone();
        if let Value::Object(fields) = &mut document {
            fields.insert(
                "choices".to_owned(),
                json!([{"index": 0, "text": text, "logprobs": null, "finish_reason": end}]),
            );
            fields.extend(used.map(|used| ("usage".to_owned(), used)));
        }
        document
    };
    let used = (!knobs.no_usage).then(|| usage(&reply, 1));
    if !ask.stream {
        return Scripted::good(knobs, &document(&reply.text(), finish(reply.end).into(), used));
    }
    let with_usage =
        asked.get("stream_options").and_then(|options| options.get("include_usage")).is_some_and(|yes| yes == true);
    let mut after = vec![data(&document("", finish(reply.end).into(), None))];
    if let (true, Some(used)) = (with_usage, used) {
        let mut last = document("", Value::Null, Some(used));
        if let Value::Object(fields) = &mut last {
            fields.insert("choices".to_owned(), json!([]));
        }
        after.push(data(&last));
    }
    after.push(Bytes::from_static(b"data: [DONE]\n\n"));
    let (Content::Text(text) | Content::Call(_, text)) = reply.content;
    let pieces = text.pieces().map(move |piece| data(&document(&piece, Value::Null, None)));
    let parts = StreamParts { before: Vec::new(), text: Box::new(pieces), after, failure: data(&failure()) };
    Scripted::stream(knobs, "text/event-stream; charset=utf-8", parts)
}
