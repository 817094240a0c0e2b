//! Gemini's surface.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use keyward_domain::dialect::Dialect;
use serde_json::{Value, json};

use super::ask::{Ask, Tool, list, string, text_of, tokens_in};
use super::fault::{body, refusal, wanted};
use super::knobs::Knobs;
use super::openai::vector;
use super::reply::{Content, End, Reply, arguments_of};
use super::script::{Scripted, StreamParts, data};
use super::{CREATED_TEXT, MISSING_MODEL, MODELS, Request};

/// Dimensions of a vector when nobody says how many.
const DIMENSIONS: u64 = 256;
const MAX_DIMENSIONS: u64 = 4096;

/// What stands behind the version, when the path is one of Gemini's: `/v1beta/...`, or under `/v1` a model with a verb, or
/// a list asked for with Google's header.
pub(super) fn rest<'a>(path: &'a str, headers: &HeaderMap) -> Option<&'a str> {
    if let Some(rest) = path.strip_prefix("/v1beta") {
        return Some(rest);
    }
    let rest = path.strip_prefix("/v1")?;
    let has_verb = rest.starts_with("/models/") && rest.contains(':');
    let is_list = rest.starts_with("/models") && headers.contains_key("x-goog-api-client");
    (has_verb || is_list).then_some(rest)
}

/// Answers what stands behind the version.
pub(super) fn answer(request: &Request<'_>, rest: &str) -> Scripted {
    if request.method == "GET" {
        return match rest.strip_prefix("/models") {
            Some("") => models(request),
            Some(name) => model(name.trim_start_matches('/')),
            None => not_found(request.path),
        };
    }
    let Some((model, verb)) = rest.strip_prefix("/models/").and_then(|named| named.rsplit_once(':')) else {
        return not_found(request.path);
    };
    let model = unescaped(model);
    if model == MISSING_MODEL {
        return not_found(&format!("models/{model}"));
    }
    let asked = match request.json() {
        Ok(asked) => asked,
        Err(message) => return refusal(Dialect::Gemini, 400, None, &message),
    };
    let question = question(&asked);
    let knobs = request.knobs(&model, &question);
    if let Some(refused) = wanted(Dialect::Gemini, &knobs) {
        return refused;
    }
    match verb {
        "generateContent" => generate(request, &model, &asked, &knobs, false),
        "streamGenerateContent" => generate(request, &model, &asked, &knobs, true),
        "countTokens" => {
            let inner = asked.get("generateContentRequest").unwrap_or(&asked);
            Scripted::good(&knobs, &json!({"totalTokens": prompt_tokens(inner)}))
        }
        "embedContent" => Scripted::good(&knobs, &json!({"embedding": embedding(&asked)})),
        "batchEmbedContents" => {
            let vectors: Vec<Value> = list(&asked, "requests").map(embedding).collect();
            Scripted::good(&knobs, &json!({"embeddings": vectors}))
        }
        _ => not_found(request.path),
    }
}

/// The texts of the last turn; functions' answers are not texts.
fn question(asked: &Value) -> String {
    let inner = asked.get("generateContentRequest").unwrap_or(asked);
    let last = list(inner, "contents")
        .last()
        .or_else(|| inner.get("content"))
        .or_else(|| list(inner, "requests").last()?.get("content"));
    last.and_then(|content| content.get("parts")).map(text_of).unwrap_or_default()
}

fn read(model: &str, asked: &Value, stream: bool) -> (Ask, Option<String>) {
    let either = |value: &Value, camel: &str, snake: &str| value.get(camel).or_else(|| value.get(snake)).cloned();
    let config = either(asked, "generationConfig", "generation_config").unwrap_or_default();
    let calling = either(asked, "toolConfig", "tool_config")
        .and_then(|config| either(&config, "functionCallingConfig", "function_calling_config"))
        .unwrap_or_default();
    let barred = calling.get("mode").is_some_and(|mode| mode == "NONE");
    let declared =
        list(asked, "tools").filter_map(|tool| either(tool, "functionDeclarations", "function_declarations"));
    let declared: Vec<Value> = declared.filter_map(|list| list.as_array().cloned()).flatten().collect();
    let tools = declared.iter().filter(|_| !barred).map(|function| Tool {
        name: string(function, "name"),
        schema: function
            .get("parametersJsonSchema")
            .or_else(|| function.get("parameters"))
            .cloned()
            .unwrap_or_else(|| json!({"type": "object"})),
    });
    let last = list(asked, "contents").last();
    let result = last.and_then(|content| {
        let part = list(content, "parts")
            .find_map(|part| part.get("functionResponse").or_else(|| part.get("function_response")))?;
        Some(part.get("response").map(Value::to_string).unwrap_or_default())
    });
    let schema = either(&config, "responseJsonSchema", "response_json_schema")
        .or_else(|| either(&config, "responseSchema", "response_schema"));
    let wants_json =
        either(&config, "responseMimeType", "response_mime_type").is_some_and(|mime| mime == "application/json");
    let ask = Ask {
        model: model.to_owned(),
        question: question(asked),
        tool_result: result,
        tools: tools.collect(),
        schema: schema
            .or_else(|| wants_json.then(|| json!({"type": "object", "properties": {"answer": {"type": "string"}}}))),
        prompt_tokens: prompt_tokens(asked),
        max_tokens: either(&config, "maxOutputTokens", "max_output_tokens").and_then(|most| most.as_u64()),
        stream,
        ..Ask::default()
    };
    let allowed = either(&calling, "allowedFunctionNames", "allowed_function_names");
    let demanded = allowed.and_then(|names| Some(names.as_array()?.first()?.as_str()?.to_owned()));
    let candidates = either(&config, "candidateCount", "candidate_count").and_then(|count| count.as_u64());
    (ask.with_candidates(candidates), demanded)
}

fn generate(request: &Request<'_>, model: &str, asked: &Value, knobs: &Knobs, streamed: bool) -> Scripted {
    let (ask, demanded) = read(model, asked, streamed);
    let reply = Reply::to(&ask, demanded.as_deref(), knobs);
    let id = request.id();
    let used = |output: u64| (!knobs.no_usage).then(|| usage(&reply, output, ask.candidates));
    let chunk = Chunk { id, model: ask.model.clone() };
    let whole_parts = |content: &Content| match content {
        Content::Text(text) => json!([{"text": text.whole()}]),
        Content::Call(name, arguments) => json!([{"functionCall": {"name": name, "args": arguments_of(arguments)}}]),
    };
    if !streamed {
        let parts = whole_parts(&reply.content);
        return Scripted::good(knobs, &chunk.of(ask.candidates, &parts, Some(finish(reply.end)), used(reply.output)));
    }
    // A function call arrives whole; a text in pieces. The last chunk has the reason and the final count.
    let closing = match &reply.content {
        Content::Text(_) => json!([{"text": ""}]),
        call @ Content::Call(..) => whole_parts(call),
    };
    let last = chunk.of(ask.candidates, &closing, Some(finish(reply.end)), used(reply.output));
    let (candidates, with_usage) = (ask.candidates, !knobs.no_usage);
    let prompt_only = with_usage.then(|| usage(&reply, 0, candidates));
    let text = match reply.content {
        Content::Text(text) => text,
        Content::Call(..) => super::reply::Text::Words(0),
    };
    let pieces =
        text.pieces().map(move |piece| chunk.of(candidates, &json!([{"text": piece}]), None, prompt_only.clone()));
    let failure = body(Dialect::Gemini, 503, None, "The sandbox was asked to fail here.");
    if request.query.split('&').any(|pair| pair == "alt=sse") {
        let parts = StreamParts {
            before: Vec::new(),
            text: Box::new(pieces.map(|chunk| data(&chunk))),
            after: vec![data(&last)],
            failure: data(&failure),
        };
        return Scripted::stream(knobs, "text/event-stream", parts);
    }
    // Without `alt=sse` it is one JSON list, written as it grows.
    let parts = StreamParts {
        before: vec![Bytes::from_static(b"[")],
        text: Box::new(pieces.map(|chunk| Bytes::from(format!("{chunk}\n,\r\n")))),
        after: vec![Bytes::from(format!("{last}\n]\n"))],
        failure: Bytes::from(format!("{failure}\n]\n")),
    };
    Scripted::stream(knobs, "application/json; charset=UTF-8", parts)
}

/// What all chunks of an answer have in common.
struct Chunk {
    id: String,
    model: String,
}

impl Chunk {
    fn of(&self, candidates: u64, parts: &Value, end: Option<&str>, used: Option<Value>) -> Value {
        let each = (0..candidates).map(|index| {
            let mut candidate = json!({"index": index, "content": {"role": "model", "parts": parts}});
            if let (Some(end), Value::Object(fields)) = (end, &mut candidate) {
                fields.insert("finishReason".to_owned(), json!(end));
            }
            candidate
        });
        let mut chunk = json!({"candidates": each.collect::<Vec<_>>(), "modelVersion": self.model, "responseId": self.id, "createTime": CREATED_TEXT});
        if let Value::Object(fields) = &mut chunk {
            fields.extend(used.map(|used| ("usageMetadata".to_owned(), used)));
        }
        chunk
    }
}

/// The answer without reasoning: this dialect counts thoughts apart.
fn usage(reply: &Reply, output: u64, candidates: u64) -> Value {
    let (output, thoughts) = (output.saturating_mul(candidates), reply.reasoning.saturating_mul(candidates));
    json!({
        "promptTokenCount": reply.prompt,
        "cachedContentTokenCount": reply.cached,
        "candidatesTokenCount": output,
        "thoughtsTokenCount": thoughts,
        "totalTokenCount": reply.prompt.saturating_add(output).saturating_add(thoughts),
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": reply.prompt}],
        "trafficType": "ON_DEMAND",
    })
}

const fn finish(end: End) -> &'static str {
    match end {
        End::Stop | End::Call => "STOP",
        End::Length => "MAX_TOKENS",
    }
}

fn prompt_tokens(asked: &Value) -> u64 {
    let turns = u64::try_from(list(asked, "contents").count()).unwrap_or(0);
    let names = ["contents", "systemInstruction", "system_instruction", "tools", "content"];
    let told = names.into_iter().filter_map(|name| asked.get(name)).map(tokens_in);
    told.sum::<u64>().saturating_add(turns * 4).max(1)
}

fn embedding(asked: &Value) -> Value {
    let length =
        ["outputDimensionality", "output_dimensionality"].into_iter().find_map(|name| asked.get(name)?.as_u64());
    let length = length.unwrap_or(DIMENSIONS).clamp(1, MAX_DIMENSIONS);
    json!({"values": vector(&asked.get("content").unwrap_or(&Value::Null).to_string(), length)})
}

fn card(name: &str) -> Value {
    let methods: &[&str] = match name {
        "sandbox-embed" => &["embedContent", "batchEmbedContents"],
        "sandbox-image" | "sandbox-speech" | "sandbox-audio" | "sandbox-moderation" => &[],
        _ => &["generateContent", "streamGenerateContent", "countTokens"],
    };
    json!({
        "name": format!("models/{name}"), "version": "1", "displayName": name, "description": "A model of the built-in sandbox.",
        "inputTokenLimit": 128_000, "outputTokenLimit": 8_192, "supportedGenerationMethods": methods,
    })
}

fn models(request: &Request<'_>) -> Scripted {
    let knobs = request.knobs("", "");
    let cards: Vec<Value> = MODELS.iter().map(|name| card(name)).collect();
    wanted(Dialect::Gemini, &knobs).unwrap_or_else(|| Scripted::good(&knobs, &json!({"models": cards})))
}

fn model(name: &str) -> Scripted {
    if MODELS.contains(&name) {
        Scripted::json(StatusCode::OK, &card(name))
    } else {
        not_found(&format!("models/{name}"))
    }
}

fn not_found(what: &str) -> Scripted {
    refusal(Dialect::Gemini, 404, None, &format!("{what} is not found"))
}

/// The gateway escapes what must not stand in a path.
fn unescaped(model: &str) -> String {
    model.replace("%2F", "/").replace("%3D", "=").replace("%2C", ",").replace("%3A", ":").replace("%2B", "+")
}
