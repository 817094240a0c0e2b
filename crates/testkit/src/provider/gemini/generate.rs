//! `:generateContent`, `:streamGenerateContent` and `:countTokens`

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::answer::{Answer, Ask};
use super::super::bill::Usage;
use super::super::call::{Authenticated, Prepared};
use super::super::fault::UsageShape;
use super::super::frame::{Frame, Frames};
use super::super::refusal::VendorError;
use super::super::route::query_value;
use super::super::sse::{self, quoted};
use super::super::text::{base62, toy_tokens};
use super::super::vendor::Operation;
use super::reading;

pub(super) fn generate(call: &Authenticated<'_>) -> Result<Prepared, VendorError> {
    let ask = reading::request(call.model, call.json)?;
    let answer = Answer::compose(&ask, call.fault);
    let usage = usage(call, &ask, &answer);
    let reply = Reply {
        model: call.model.to_owned(),
        shape: call.fault.usage,
        shows_thoughts: reading::shows_thoughts(call.json),
        usage,
        answer,
    };
    if call.operation == Operation::GenerateContent {
        return Ok(Prepared::whole("application/json; charset=UTF-8", reply.whole(), usage));
    }
    if query_value(call.uri, "alt").as_deref() == Some("sse") {
        let frames = reply.chunks().map(|(chunk, tokens)| Frame::generated(sse::data(&chunk), tokens));
        return Ok(Prepared { content_type: "text/event-stream", ..Prepared::events(Box::new(frames), usage) });
    }
    Ok(Prepared { content_type: "application/json; charset=UTF-8", ..Prepared::events(array(reply), usage) })
}

pub(super) fn count(call: &Authenticated<'_>) -> Result<Prepared, VendorError> {
    let inner = call.json.get("generateContentRequest").unwrap_or(call.json);
    let tokens = reading::request(call.model, inner)?.prompt.tokens();
    let body = json!({"totalTokens": tokens, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens}]});
    Ok(Prepared::json(&body, Usage::default()))
}

fn usage(call: &Authenticated<'_>, ask: &Ask, answer: &Answer) -> Usage {
    let prompt = call.shared.write(|state| state.cache.implicit(call.key, call.model, &ask.prompt));
    Usage { output: answer.output_tokens(), reasoning: answer.reasoning, ..prompt }
}

/// Without `alt=sse` a stream is one JSON array that grows.
fn array(reply: Reply) -> Frames {
    let mut first = true;
    let chunks = reply.chunks().map(move |(chunk, tokens)| {
        let opening = if std::mem::take(&mut first) { "[" } else { ",\r\n" };
        Frame::generated(Bytes::from(format!("{opening}{chunk}")), tokens)
    });
    Box::new(chunks.chain(std::iter::once(Frame::new("]"))))
}

struct Reply {
    model: String,
    shape: UsageShape,
    shows_thoughts: bool,
    usage: Usage,
    answer: Answer,
}

impl Reply {
    fn whole(&self) -> String {
        let mut parts = Vec::new();
        if self.shows_thoughts && self.answer.reasoning > 0 {
            parts.push(self.thought());
        }
        parts.extend(self.calls());
        if self.answer.calls().is_empty() {
            parts.push(format!("{{\"text\":{}}}", quoted(&self.answer.text())));
        }
        let usage = if self.shape == UsageShape::Absent { None } else { Some(self.usage) };
        self.response(&parts.join(","), Some(self.finish()), usage.as_ref())
    }

    /// Every chunk is a whole response with a piece of the text; usage grows from chunk to chunk.
    fn chunks(self) -> Box<dyn Iterator<Item = (String, u64)> + Send> {
        let mut opening = Vec::new();
        if self.answer.reasoning > 0 {
            let parts =
                if self.shows_thoughts { self.thought() } else { "{\"text\":\"\",\"thought\":true}".to_owned() };
            let usage = self.usage_at(self.answer.reasoning, true);
            opening.push((self.response(&parts, None, usage.as_ref()), self.answer.reasoning));
        }
        let mut generated = self.answer.reasoning;
        for (part, tokens) in
            self.calls().into_iter().zip(self.answer.calls().iter().map(|call| toy_tokens(&call.arguments)))
        {
            generated += tokens;
            let usage = self.usage_at(generated, generated == tokens);
            opening.push((self.response(&part, None, usage.as_ref()), tokens));
        }
        let mut pieces = self.answer.pieces();
        let mut is_first = opening.is_empty();
        let mut closing = None;
        let rest = std::iter::from_fn(move || {
            if let Some(piece) = pieces.next() {
                generated += piece.tokens;
                let usage = self.usage_at(generated, std::mem::take(&mut is_first));
                let part = format!("{{\"text\":{}}}", quoted(&piece.text));
                return Some((self.response(&part, None, usage.as_ref()), piece.tokens));
            }
            closing.get_or_insert_with(|| self.closing().into_iter()).next()
        });
        Box::new(opening.into_iter().chain(rest))
    }

    fn closing(&self) -> Vec<(String, u64)> {
        let last = match self.shape {
            UsageShape::Absent | UsageShape::Early | UsageShape::Late => None,
            _ => Some(self.usage),
        };
        let mut chunks = vec![(self.response("{\"text\":\"\"}", Some(self.finish()), last.as_ref()), 0)];
        if self.shape == UsageShape::Late {
            chunks.push((
                format!("{{\"usageMetadata\":{},\"modelVersion\":{}}}", told(&self.usage), quoted(&self.model)),
                0,
            ));
        }
        if self.shape == UsageShape::ThenEmpty {
            chunks.push((format!("{{\"usageMetadata\":{{}},\"modelVersion\":{}}}", quoted(&self.model)), 0));
        }
        chunks
    }

    /// The usage a chunk in the middle tells.
    fn usage_at(&self, generated: u64, is_first: bool) -> Option<Usage> {
        match self.shape {
            UsageShape::Absent | UsageShape::Late => None,
            UsageShape::Early => is_first.then_some(self.usage),
            UsageShape::Placeholder => Some(Usage::default()),
            _ => Some(self.usage.cut_to(generated)),
        }
    }

    fn response(&self, parts: &str, finish: Option<&str>, usage: Option<&Usage>) -> String {
        let finish = finish.map(|reason| format!(",\"finishReason\":\"{reason}\"")).unwrap_or_default();
        let usage = match (usage, self.shape) {
            (None, _) => String::new(),
            (Some(usage), UsageShape::Nested) => format!(",\"response\":{{\"usageMetadata\":{}}}", told(usage)),
            (Some(usage), _) => format!(",\"usageMetadata\":{}", told(usage)),
        };
        format!(
            "{{\"candidates\":[{{\"content\":{{\"parts\":[{parts}],\"role\":\"model\"}}{finish},\"index\":0}}]{usage},\
             \"modelVersion\":{},\"responseId\":\"{}\"}}",
            quoted(&self.model),
            self.answer.id("")
        )
    }

    fn thought(&self) -> String {
        format!("{{\"text\":{},\"thought\":true}}", quoted(&self.answer.thoughts()))
    }

    fn calls(&self) -> Vec<String> {
        let call_part = |call: &super::super::answer::Call| {
            format!(
                "{{\"functionCall\":{{\"id\":\"{}\",\"name\":{},\"args\":{}}},\"thoughtSignature\":\"{}\"}}",
                call.id,
                quoted(&call.name),
                call.arguments,
                base62(!self.answer.seed, 32)
            )
        };
        self.answer.calls().iter().map(call_part).collect()
    }

    fn finish(&self) -> &'static str {
        if self.answer.cut_by_cap { "MAX_TOKENS" } else { "STOP" }
    }
}

/// Usage as Gemini tells it: the prompt includes what was cached, the candidates exclude the thoughts.
fn told(usage: &Usage) -> Value {
    let mut told = json!({
        "promptTokenCount": usage.input(),
        "candidatesTokenCount": usage.output - usage.reasoning,
        "totalTokenCount": usage.input() + usage.output,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": usage.input()}],
    });
    if let Some(fields) = told.as_object_mut() {
        if usage.cache_read > 0 {
            fields.insert("cachedContentTokenCount".to_owned(), json!(usage.cache_read));
            fields
                .insert("cacheTokensDetails".to_owned(), json!([{"modality": "TEXT", "tokenCount": usage.cache_read}]));
        }
        if usage.reasoning > 0 {
            fields.insert("thoughtsTokenCount".to_owned(), json!(usage.reasoning));
        }
    }
    told
}
