//! The sandbox: the same question gets the same answer, in every dialect, streamed or not.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode};
use keyward_domain::judgement::{Blame, Judgement, Lasts, Next, Trouble};
use keyward_domain::provider::ProviderKind;
use keyward_domain::time::Timestamp;
use keyward_provider::sandbox::{MODELS, answer};
use keyward_provider::{Asked, judgement};
use serde_json::{Value, json};

mod schema;

/// What came back: status, headers and the whole body.
struct Played {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
    /// Pauses, the one before everything first.
    pauses: Vec<u64>,
}

fn play(method: &str, path: &str, headers: &HeaderMap, body: &[u8]) -> Played {
    let scripted = answer(method, path, headers, body);
    let mut pauses = vec![scripted.first_delay_ms];
    let mut bytes = Vec::new();
    for (pause, piece) in scripted.pieces {
        pauses.push(pause);
        bytes.extend_from_slice(&piece);
    }
    let body = String::from_utf8_lossy(&bytes).into_owned();
    Played { status: scripted.status, headers: scripted.headers, body, pauses }
}

fn post(path: &str, body: &Value) -> Played {
    play("POST", path, &HeaderMap::new(), body.to_string().as_bytes())
}

fn get(path: &str, header: Option<(&'static str, &'static str)>) -> Value {
    let headers =
        header.into_iter().map(|(name, value)| (name.parse().expect("a name"), HeaderValue::from_static(value)));
    play("GET", path, &headers.collect(), b"").json()
}

impl Played {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON document")
    }

    /// The JSON of all `data:` lines except `[DONE]`.
    fn events(&self) -> Vec<Value> {
        let lines = self.body.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|line| *line != "[DONE]");
        lines.map(|line| serde_json::from_str(line).expect("a JSON event")).collect()
    }

    /// A text gathered from all events by a pointer.
    fn gathered(&self, pointer: &str) -> String {
        self.events().iter().filter_map(|event| event.pointer(pointer)?.as_str().map(str::to_owned)).collect()
    }
}

fn chat(text: &str) -> Value {
    json!({"model": "sandbox-small", "messages": [{"role": "user", "content": text}]})
}

fn with(mut base: Value, more: &Value) -> Value {
    if let (Value::Object(fields), Value::Object(more)) = (&mut base, more) {
        fields.extend(more.clone());
    }
    base
}

fn messages(text: &str) -> Value {
    with(chat(text), &json!({"max_tokens": 1000}))
}

fn contents(text: &str) -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": text}]}]})
}

const GENERATE: &str = "/v1beta/models/sandbox-small:generateContent";
const STREAM: &str = "/v1beta/models/sandbox-small:streamGenerateContent?alt=sse";

#[test]
fn chat_says_the_same_streamed_or_not() {
    let whole = post("/v1/chat/completions", &chat("Hello, wörld 🙂"));
    let text = whole.json().pointer("/choices/0/message/content").and_then(Value::as_str).unwrap().to_owned();
    assert!(text.contains("Hello, wörld 🙂"), "{text}");
    let options = json!({"stream": true, "stream_options": {"include_usage": true}});
    let streamed = post("/v1/chat/completions", &with(chat("Hello, wörld 🙂"), &options));
    assert_eq!(streamed.gathered("/choices/0/delta/content"), text);
    assert!(streamed.body.ends_with("data: [DONE]\n\n"));
    let events = streamed.events();
    let last = events.last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"], whole.json()["usage"]);
    assert!(events.iter().rev().skip(1).all(|event| event["usage"].is_null()));
    let quiet = post("/v1/chat/completions", &with(chat("Hello"), &json!({"stream": true})));
    assert!(!quiet.body.contains("\"usage\""), "not asked for");
}

#[test]
fn responses_say_the_same_streamed_or_not() {
    let asked = json!({"model": "sandbox-small", "input": "Hello"});
    let whole = post("/v1/responses", &asked).json();
    let text = whole.pointer("/output/0/content/0/text").and_then(Value::as_str).unwrap().to_owned();
    let streamed = post("/v1/responses", &with(asked, &json!({"stream": true})));
    assert_eq!(streamed.gathered("/delta"), text);
    let events = streamed.events();
    let numbers: Vec<u64> = events.iter().map(|event| event["sequence_number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..u64::try_from(events.len()).unwrap()).collect::<Vec<_>>(), "numbered without a gap");
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.completed");
    assert_eq!(last.pointer("/response/usage"), whole.get("usage"));
    assert_eq!(last.pointer("/response/output/0/content"), whole.pointer("/output/0/content"));
}

#[test]
fn messages_say_the_same_streamed_or_not() {
    let whole = post("/v1/messages", &messages("Hello [[cached=2]]")).json();
    let text = whole.pointer("/content/0/text").and_then(Value::as_str).unwrap().to_owned();
    let streamed = post("/v1/messages", &with(messages("Hello [[cached=2]]"), &json!({"stream": true})));
    assert_eq!(streamed.gathered("/delta/text"), text);
    let events = streamed.events();
    let names: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(names[..3], ["message_start", "content_block_start", "ping"]);
    assert_eq!(names[names.len() - 3..], ["content_block_stop", "message_delta", "message_stop"]);
    assert_eq!(events[events.len() - 2]["usage"], whole["usage"]);
    assert_eq!(whole.pointer("/usage/cache_read_input_tokens"), Some(&json!(2)));
}

#[test]
fn generate_content_says_the_same_streamed_or_not() {
    let whole = post(GENERATE, &contents("Hello")).json();
    let text = whole.pointer("/candidates/0/content/parts/0/text").and_then(Value::as_str).unwrap().to_owned();
    let streamed = post(STREAM, &contents("Hello"));
    assert_eq!(streamed.gathered("/candidates/0/content/parts/0/text"), text);
    let last = streamed.events().pop().unwrap();
    assert_eq!(last["usageMetadata"], whole["usageMetadata"]);
    assert_eq!(last.pointer("/candidates/0/finishReason"), Some(&json!("STOP")));
    let whole = post("/v1/models/sandbox-small:streamGenerateContent", &contents("Hello")).json();
    let texts: String = whole
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|chunk| chunk.pointer("/candidates/0/content/parts/0/text")?.as_str())
        .collect();
    assert_eq!(texts, text, "one JSON list without alt=sse");
}

#[test]
fn the_same_request_gets_the_same_bytes() {
    for (path, body) in
        [("/v1/chat/completions", chat("a")), ("/v1/messages", messages("a")), (GENERATE, contents("a"))]
    {
        assert_eq!(post(path, &body).body, post(path, &body).body);
        assert_ne!(
            post(path, &body).body,
            post(path, &serde_json::from_str::<Value>(&body.to_string().replace("\"a\"", "\"b\"")).unwrap()).body
        );
    }
}

fn weather() -> Value {
    json!({"type": "object", "required": ["city", "days"], "properties": {
        "city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}, "unit": {"enum": ["celsius", "fahrenheit"]}}})
}

#[test]
fn the_first_tool_is_called_with_arguments_that_fit_its_schema() {
    let tools = json!({"tools": [{"type": "function", "function": {"name": "weather", "parameters": weather()}}]});
    let called = post("/v1/chat/completions", &with(chat("Rain?"), &tools)).json();
    let call = called.pointer("/choices/0/message/tool_calls/0/function").unwrap();
    assert_eq!(call["name"], "weather");
    let arguments: Value = serde_json::from_str(call["arguments"].as_str().unwrap()).unwrap();
    schema::check(&weather(), &arguments).unwrap();
    assert_eq!(called.pointer("/choices/0/finish_reason"), Some(&json!("tool_calls")));
    let streamed = post("/v1/chat/completions", &with(with(chat("Rain?"), &tools), &json!({"stream": true})));
    assert_eq!(streamed.gathered("/choices/0/delta/tool_calls/0/function/arguments"), arguments.to_string());

    let tools = json!({"tools": [{"name": "weather", "input_schema": weather()}]});
    let called = post("/v1/messages", &with(messages("Rain?"), &tools)).json();
    schema::check(&weather(), called.pointer("/content/0/input").unwrap()).unwrap();
    assert_eq!(called["stop_reason"], "tool_use");
    let streamed = post("/v1/messages", &with(with(messages("Rain?"), &tools), &json!({"stream": true})));
    assert_eq!(streamed.gathered("/delta/partial_json"), called.pointer("/content/0/input").unwrap().to_string());

    let tools = json!({"tools": [{"functionDeclarations": [{"name": "weather", "parameters": weather()}]}]});
    for path in [GENERATE, STREAM] {
        let played = post(path, &with(contents("Rain?"), &tools));
        let answer = if path == GENERATE { played.json() } else { played.events().pop().unwrap() };
        schema::check(&weather(), answer.pointer("/candidates/0/content/parts/0/functionCall/args").unwrap()).unwrap();
    }

    let tools = json!({"tools": [{"type": "function", "name": "weather", "parameters": weather()}], "stream": true});
    let streamed = post("/v1/responses", &with(json!({"model": "sandbox-small", "input": "Rain?"}), &tools));
    let arguments: Value = serde_json::from_str(&streamed.gathered("/delta")).unwrap();
    schema::check(&weather(), &arguments).unwrap();
}

#[test]
fn a_demanded_tool_is_called_and_a_barred_one_is_not() {
    let two = json!([{"type": "function", "function": {"name": "a"}}, {"type": "function", "function": {"name": "b"}}]);
    let demanded = json!({"tools": two, "tool_choice": {"type": "function", "function": {"name": "b"}}});
    let called = post("/v1/chat/completions", &with(chat("x"), &demanded)).json();
    assert_eq!(called.pointer("/choices/0/message/tool_calls/0/function/name"), Some(&json!("b")));
    let barred = post("/v1/chat/completions", &with(chat("x"), &json!({"tools": two, "tool_choice": "none"}))).json();
    assert_eq!(barred.pointer("/choices/0/finish_reason"), Some(&json!("stop")));
}

#[test]
fn after_a_tool_has_answered_the_conversation_goes_on_in_words() {
    let tools = json!([{"type": "function", "function": {"name": "weather", "parameters": weather()}}]);
    let asked = json!({"model": "sandbox-small", "tools": tools, "messages": [
        {"role": "user", "content": "Rain?"},
        {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "weather", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "no rain"}]});
    let said = post("/v1/chat/completions", &asked).json();
    assert_eq!(said.pointer("/choices/0/message/content"), Some(&json!("The tool says: no rain")));
}

#[test]
fn structured_answers_fit_their_schema() {
    let format = json!({"response_format": {"type": "json_schema", "json_schema": {"name": "w", "schema": weather()}}});
    let said = post("/v1/chat/completions", &with(chat("x"), &format)).json();
    let value: Value =
        serde_json::from_str(said.pointer("/choices/0/message/content").unwrap().as_str().unwrap()).unwrap();
    schema::check(&weather(), &value).unwrap();

    let format = json!({"output_config": {"format": {"type": "json_schema", "schema": weather()}}});
    let said = post("/v1/messages", &with(messages("x"), &format)).json();
    schema::check(
        &weather(),
        &serde_json::from_str(said.pointer("/content/0/text").unwrap().as_str().unwrap()).unwrap(),
    )
    .unwrap();

    let google = json!({"type": "OBJECT", "required": ["n"], "properties": {"n": {"type": "INTEGER"}}});
    let config = json!({"generationConfig": {"responseMimeType": "application/json", "responseSchema": google}});
    let said = post(GENERATE, &with(contents("x"), &config)).json();
    let text = said.pointer("/candidates/0/content/parts/0/text").unwrap().as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), json!({"n": 1}));
}

#[test]
fn an_answer_is_no_longer_than_allowed() {
    let said = post("/v1/chat/completions", &with(chat("Hello"), &json!({"max_tokens": 3}))).json();
    assert_eq!(said.pointer("/usage/completion_tokens"), Some(&json!(3)));
    assert_eq!(said.pointer("/choices/0/finish_reason"), Some(&json!("length")));
    let said = post("/v1/messages", &with(messages("Hello"), &json!({"max_tokens": 3}))).json();
    assert_eq!((&said["stop_reason"], &said["usage"]["output_tokens"]), (&json!("max_tokens"), &json!(3)));
    let said = post("/v1/responses", &json!({"model": "m", "input": "Hello", "max_output_tokens": 3})).json();
    assert_eq!((&said["status"], &said["usage"]["output_tokens"]), (&json!("incomplete"), &json!(3)));
}

#[test]
fn knobs_in_the_text_the_header_and_the_model_set_length_pace_and_usage() {
    let said = post("/v1/chat/completions", &chat("Hi [[tokens=50 reasoning=7 cached=3]]")).json();
    assert_eq!(said.pointer("/usage/completion_tokens"), Some(&json!(57)));
    assert_eq!(said.pointer("/usage/completion_tokens_details/reasoning_tokens"), Some(&json!(7)));
    assert_eq!(said.pointer("/usage/prompt_tokens_details/cached_tokens"), Some(&json!(3)));
    let slow =
        post("/v1/chat/completions", &with(chat("Hi [[tokens=3 ttft_ms=250 gap_ms=20]]"), &json!({"stream": true})));
    assert_eq!(slow.pauses, [250, 0, 20, 20, 20, 0, 0]);
    let named = post("/v1/chat/completions", &with(chat("Hi"), &json!({"model": "sandbox-small+tokens=4+ttft_ms=9"})));
    assert_eq!((named.pauses[0], &named.json()["usage"]["completion_tokens"]), (9, &json!(4)));
    let mut headers = HeaderMap::new();
    headers.insert("x-sandbox", HeaderValue::from_static("tokens=5, ttft_ms=7"));
    let played = play("POST", GENERATE, &headers, contents("Hi").to_string().as_bytes());
    assert_eq!((played.pauses[0], &played.json()["usageMetadata"]["candidatesTokenCount"]), (7, &json!(5)));
    let none = post("/v1/chat/completions", &chat("Hi [[no_usage]]")).json();
    assert!(none.get("usage").is_none());
}

#[test]
fn echo_repeats_the_question_and_nothing_else() {
    let said = post("/v1/chat/completions", &with(chat("One two three"), &json!({"model": "sandbox-echo"}))).json();
    assert_eq!(said.pointer("/choices/0/message/content"), Some(&json!("One two three")));
}

#[test]
fn brackets_that_are_no_knobs_are_only_brackets() {
    let said = post("/v1/chat/completions", &chat("a[[1, 2], [3, 4]] = [[x]]"));
    assert_eq!(said.status, StatusCode::OK);
}

/// When the sandbox's answers are judged.
const NOW: Timestamp = Timestamp::from_unix_millis(1_790_000_000_000);

fn judged(kind: ProviderKind, played: &Played) -> Judgement {
    let (status, headers, body) = (played.status, &played.headers, played.body.as_bytes());
    judgement(&Asked { kind, status, headers, body, overrides: &[], now: NOW })
}

#[test]
fn wanted_faults_come_in_the_words_of_the_dialect_and_mean_what_they_should() {
    type Question = fn(&str) -> Value;
    let cases: [(&str, Question, ProviderKind); 3] = [
        ("/v1/chat/completions", chat, ProviderKind::OpenAi),
        ("/v1/messages", messages, ProviderKind::Anthropic),
        (GENERATE, contents, ProviderKind::Gemini),
    ];
    for (path, question, kind) in cases {
        let refused = post(path, &question("[[status=429 retry_after=2]]"));
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
        let limited = judged(kind, &refused);
        assert_eq!(
            (limited.trouble, limited.lasts),
            (Trouble::RateLimited, Lasts::Until(NOW.plus(Duration::from_secs(2))))
        );
        let refused = post(path, &question("[[status=401]]"));
        assert_eq!(judged(kind, &refused).trouble, Trouble::Rejected);
        let refused = post(path, &question("[[status=503 ttft_ms=5]]"));
        assert_eq!(refused.pauses[0], 5);
        // Of Gemini it is the model that has no room; with nobody is it the key.
        assert!(matches!(judged(kind, &refused).blame, Blame::Provider | Blame::Model), "{path}");
        let refused = post(path, &question("[[status=302]]"));
        assert_eq!(judged(kind, &refused).next, Next::GiveUp);
    }
    let broke = post("/v1/chat/completions", &chat("[[status=429 error=insufficient_quota]]"));
    assert_eq!(judged(ProviderKind::OpenAi, &broke).trouble, Trouble::QuotaExhausted);
}

#[test]
fn streams_break_off_or_fail_in_the_middle() {
    let stream = json!({"stream": true});
    let cut = post("/v1/chat/completions", &with(chat("[[tokens=9 cut_after=2]]"), &stream));
    assert!(!cut.body.contains("[DONE]"));
    assert_eq!(cut.gathered("/choices/0/delta/content"), "sand runs ");
    let failed = post("/v1/chat/completions", &with(chat("[[tokens=9 fail_after=2]]"), &stream));
    assert!(failed.events().last().unwrap().get("error").is_some_and(Value::is_object));
    let failed = post("/v1/messages", &with(messages("[[tokens=9 fail_after=2]]"), &stream));
    assert!(failed.body.contains("event: error\n") && !failed.body.contains("message_stop"));
    let failed = post(STREAM, &contents("[[tokens=9 fail_after=2]]"));
    assert!(failed.events().last().unwrap().get("error").is_some());
    let page = post("/v1/chat/completions", &chat("[[malformed]]"));
    assert_eq!((page.status, &page.headers["content-type"]), (StatusCode::OK, &HeaderValue::from_static("text/html")));
}

#[test]
fn a_million_tokens_are_made_one_at_a_time() {
    let body = with(chat("[[tokens=1000000]]"), &json!({"stream": true})).to_string();
    let scripted = answer("POST", "/v1/chat/completions", &HeaderMap::new(), body.as_bytes());
    assert_eq!(scripted.pieces.take(1000).count(), 1000, "the first are there before the last are made");
}

#[test]
fn every_kind_of_model_list() {
    let openai = get("/v1/models", None);
    assert_eq!(openai["data"].as_array().map(Vec::len), Some(MODELS.len()));
    assert_eq!(get("/v1/models", Some(("anthropic-version", "2023-06-01")))["has_more"], false);
    assert_eq!(get("/v1beta/models", None)["models"][0]["name"], "models/sandbox-small");
    assert_eq!(get("/v1/models/sandbox-large", None)["id"], "sandbox-large");
    assert!(get("/v1/models/nobody", None)["error"].is_object());
}

#[test]
fn a_missing_model_is_missing_in_every_dialect() {
    let missing = json!({"model": "sandbox-missing"});
    let chat = post("/v1/chat/completions", &with(chat("x"), &missing));
    let messages = post("/v1/messages", &with(messages("x"), &missing));
    let generate = post("/v1beta/models/sandbox-missing:generateContent", &contents("x"));
    for played in [chat, messages, generate] {
        assert_eq!(played.status, StatusCode::NOT_FOUND, "{}", played.body);
    }
}

#[test]
fn embeddings_as_numbers_or_packed_are_the_same_vector() {
    let asked = json!({"model": "sandbox-embed", "input": ["one", "two"], "dimensions": 4});
    let plain = post("/v1/embeddings", &asked).json();
    let packed = post("/v1/embeddings", &with(asked, &json!({"encoding_format": "base64"}))).json();
    let numbers: Vec<f64> =
        plain.pointer("/data/1/embedding").unwrap().as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect();
    let bytes = decode(packed.pointer("/data/1/embedding").unwrap().as_str().unwrap());
    let unpacked: Vec<f64> =
        bytes.chunks(4).map(|four| f64::from(f32::from_le_bytes(four.try_into().unwrap()))).collect();
    assert_eq!(numbers.len(), 4);
    assert!(numbers.iter().zip(&unpacked).all(|(a, b)| (a - b).abs() < 1e-6), "{numbers:?} {unpacked:?}");
    assert_ne!(plain.pointer("/data/0/embedding"), plain.pointer("/data/1/embedding"));
    assert_eq!(plain["usage"]["prompt_tokens"], 2);
    let gemini = post(
        "/v1beta/models/sandbox-embed:batchEmbedContents",
        &json!({"requests": [{"content": {"parts": [{"text": "one"}]}}]}),
    );
    assert_eq!(gemini.json().pointer("/embeddings/0/values").and_then(Value::as_array).map(Vec::len), Some(256));
}

/// Base 64, for the test's own use.
fn decode(text: &str) -> Vec<u8> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits = text.bytes().filter_map(|byte| LETTERS.iter().position(|letter| *letter == byte));
    let bits: Vec<usize> = bits.collect();
    bits.chunks(4)
        .flat_map(|four| {
            let joined = four.iter().fold(0, |sum, bits| sum * 64 + bits) << (6 * (4 - four.len()));
            let [_, bytes @ ..] = u32::try_from(joined).expect("24 bits").to_be_bytes();
            bytes.into_iter().take(four.len() - 1)
        })
        .collect()
}

#[test]
fn pictures_sounds_and_judgements() {
    let drawn = post("/v1/images/generations", &json!({"model": "sandbox-image", "prompt": "a grain", "n": 2})).json();
    let png = decode(drawn.pointer("/data/1/b64_json").unwrap().as_str().unwrap());
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n") && png.ends_with(b"IEND\xaeB`\x82"));
    assert_eq!(drawn.pointer("/usage/output_tokens"), Some(&json!(2112)));
    let spoken = answer(
        "POST",
        "/v1/audio/speech",
        &HeaderMap::new(),
        br#"{"model":"sandbox-speech","input":"hi","voice":"alloy"}"#,
    );
    let wav: Vec<u8> = spoken.pieces.flat_map(|(_, piece)| piece.to_vec()).collect();
    assert_eq!((&wav[..4], &wav[8..12], wav.len()), (b"RIFF".as_slice(), b"WAVE".as_slice(), 844));
    assert_eq!(u32::from_le_bytes(wav[4..8].try_into().unwrap()), 836, "the length it states is its length");
    let judged = post("/v1/moderations", &json!({"model": "sandbox-moderation", "input": ["fine", "flagged"]})).json();
    assert_eq!((&judged["results"][0]["flagged"], &judged["results"][1]["flagged"]), (&json!(false), &json!(true)));
    let counted = post("/v1/messages/count_tokens", &messages("Hello")).json();
    let used = post("/v1/messages", &messages("Hello")).json();
    assert_eq!(counted["input_tokens"], used["usage"]["input_tokens"]);
    let counted = post("/v1beta/models/sandbox-small:countTokens", &contents("Hello")).json();
    let used = post(GENERATE, &contents("Hello")).json();
    assert_eq!(counted["totalTokens"], used["usageMetadata"]["promptTokenCount"]);
}

fn upload(fields: &[(&str, &str)], file: &[u8]) -> (HeaderMap, Vec<u8>) {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("multipart/form-data; boundary=XX"));
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend(format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").into_bytes());
    }
    body.extend(
        b"--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\n",
    );
    body.extend_from_slice(file);
    body.extend(b"\r\n--XX--\r\n");
    (headers, body)
}

#[test]
fn recordings_are_heard_and_billed_by_their_length() {
    let sound = vec![1_u8; 64_000];
    let hear = |fields: &[(&str, &str)]| {
        let (headers, body) = upload(fields, &sound);
        play("POST", "/v1/audio/transcriptions", &headers, &body)
    };
    let heard = hear(&[("model", "sandbox-audio")]).json();
    assert_eq!(heard["usage"], json!({"type": "duration", "seconds": 2}));
    let plain = hear(&[("model", "sandbox-audio"), ("response_format", "text")]);
    assert_eq!(plain.body.trim_end(), heard["text"].as_str().unwrap());
    let streamed = hear(&[("model", "sandbox-audio"), ("stream", "true")]);
    assert_eq!(streamed.gathered("/delta"), heard["text"].as_str().unwrap());
    let refused = hear(&[("model", "sandbox-audio"), ("prompt", "[[status=500]]")]);
    assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);
    let (headers, _) = upload(&[], &[]);
    let nothing = play("POST", "/v1/audio/transcriptions", &headers, b"--XX--\r\n");
    assert_eq!(nothing.status, StatusCode::BAD_REQUEST);
}

#[test]
fn nonsense_is_refused_in_the_dialects_own_words() {
    for body in [b"".as_slice(), b"{", b"[]", b"\xff\xfe", b"{}"] {
        for path in ["/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/embeddings"] {
            let played = play("POST", path, &HeaderMap::new(), body);
            assert_eq!(played.status, StatusCode::BAD_REQUEST, "{path} {body:?}");
            assert!(played.json()["error"].is_object());
        }
    }
    assert_eq!(post("/v1/nothing", &json!({})).status, StatusCode::NOT_FOUND);
    assert_eq!(post("/v1beta/nothing", &json!({})).status, StatusCode::NOT_FOUND);
    assert_eq!(play("PATCH", "/", &HeaderMap::new(), b"").status, StatusCode::NOT_FOUND);
}
