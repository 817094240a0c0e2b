//! What is answered: a deterministic function of the request, the same streamed or whole.

use serde_json::{Map, Value, json};

use super::fault::Fault;
use super::prompt::Prompt;
use super::text::{Words, base62, mix, token_pieces, toy_tokens};

/// Shortest and span of ordinary answers, in tokens.
const SHORTEST_ANSWER: u64 = 8;
const ANSWER_SPAN: u64 = 24;

/// Tokens of reasoning where the caller asks for reasoning.
const REASONING_TOKENS: u64 = 16;

/// Schemas nested deeper than this get `null`.
const MAX_SCHEMA_DEPTH: usize = 16;

/// What every dialect's request boils down to.
#[derive(Debug, Default)]
pub(crate) struct Ask {
    pub(crate) model: String,
    pub(crate) prompt: Prompt,
    pub(crate) cap: Option<u64>,
    pub(crate) tools: Vec<Tool>,
    pub(crate) choice: Choice,
    /// The last turn carries a tool's result: the answer is text.
    pub(crate) after_tool: bool,
    pub(crate) schema: Option<Value>,
    pub(crate) reasoning: bool,
    pub(crate) stream: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) schema: Value,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Choice {
    #[default]
    Auto,
    Never,
    Named(String),
}

/// An answer before a dialect dresses it.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) seed: u64,
    pub(crate) reasoning: u64,
    pub(crate) content: Content,
    pub(crate) cut_by_cap: bool,
    tokens_per_frame: u64,
}

#[derive(Debug, Clone)]
pub(crate) enum Content {
    Words(u64),
    Json(String),
    Calls(Vec<Call>),
}

/// A tool call with its arguments as JSON text.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) arguments: String,
}

/// A piece of generated text and the tokens it took.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) text: String,
    pub(crate) tokens: u64,
}

impl Answer {
    pub(crate) fn compose(ask: &Ask, fault: &Fault) -> Self {
        let seed = ask.prompt.seed(&ask.model);
        let reasoning = if ask.reasoning { REASONING_TOKENS } else { 0 };
        let reasoning = reasoning.min(ask.cap.unwrap_or(u64::MAX));
        let room = ask.cap.unwrap_or(u64::MAX) - reasoning;
        let wanted = content(ask, fault, seed);
        let (content, cut_by_cap) = match wanted {
            Content::Words(count) => (Content::Words(count.min(room)), count > room),
            Content::Json(text) if toy_tokens(&text) > room => (Content::Words(room), true),
            other => (other, false),
        };
        Self { seed, reasoning, content, cut_by_cap, tokens_per_frame: fault.tokens_per_frame.max(1) }
    }

    /// All generated tokens, reasoning included.
    pub(crate) fn output_tokens(&self) -> u64 {
        self.reasoning
            + match &self.content {
                Content::Words(count) => *count,
                Content::Json(text) => toy_tokens(text),
                Content::Calls(calls) => calls.iter().map(|call| toy_tokens(&call.arguments)).sum(),
            }
    }

    /// The visible text of an answer that is not a tool call.
    pub(crate) fn text(&self) -> String {
        match &self.content {
            Content::Words(count) => Words::new(self.seed, *count).collect(),
            Content::Json(text) => text.clone(),
            Content::Calls(_) => String::new(),
        }
    }

    /// The same text piece by piece, made while it is read.
    pub(crate) fn pieces(&self) -> Box<dyn Iterator<Item = Piece> + Send> {
        match &self.content {
            Content::Words(count) => {
                let mut words = Words::new(self.seed, *count);
                let batch = self.tokens_per_frame;
                Box::new(std::iter::from_fn(move || {
                    let mut piece = Piece { text: String::new(), tokens: 0 };
                    while piece.tokens < batch
                        && let Some(word) = words.next()
                    {
                        piece.text.push_str(word);
                        piece.tokens += 1;
                    }
                    (piece.tokens > 0).then_some(piece)
                }))
            }
            Content::Json(text) => Box::new(weighed(text)),
            Content::Calls(_) => Box::new(std::iter::empty()),
        }
    }

    /// The thoughts of a reasoning answer.
    pub(crate) fn thoughts(&self) -> String {
        Words::new(mix(self.seed), self.reasoning).collect()
    }

    pub(crate) fn calls(&self) -> &[Call] {
        match &self.content {
            Content::Calls(calls) => calls,
            _ => &[],
        }
    }

    /// An id that depends on the request alone.
    pub(crate) fn id(&self, prefix: &str) -> String {
        format!("{prefix}{}", base62(self.seed, 24))
    }
}

/// Splits a known text into pieces whose weights sum to the weight of the whole.
pub(crate) fn weighed(text: &str) -> impl Iterator<Item = Piece> + Send + use<> {
    let mut bytes = 0;
    let mut counted = 0;
    token_pieces(text).into_iter().map(move |text| {
        bytes += text.len();
        let total = bytes.div_ceil(super::text::BYTES_PER_TOKEN) as u64;
        let tokens = total - counted;
        counted = total;
        Piece { text, tokens }
    })
}

fn content(ask: &Ask, fault: &Fault, seed: u64) -> Content {
    if let Some(count) = fault.answer_tokens {
        return Content::Words(count);
    }
    if let Some(tool) = called_tool(ask) {
        let wanted = fault.tool_calls.max(1);
        let calls = (0..wanted)
            .map(|nth| Call {
                id: base62(seed.wrapping_add(nth + 1), 24),
                name: tool.name.clone(),
                arguments: example_of(&tool.schema, &tool.schema, 0).to_string(),
            })
            .collect();
        return Content::Calls(calls);
    }
    match &ask.schema {
        Some(schema) => Content::Json(example_of(schema, schema, 0).to_string()),
        None => Content::Words(SHORTEST_ANSWER + seed % ANSWER_SPAN),
    }
}

fn called_tool(ask: &Ask) -> Option<&Tool> {
    match &ask.choice {
        Choice::Never => None,
        Choice::Named(name) => ask.tools.iter().find(|tool| tool.name == *name),
        Choice::Auto if ask.after_tool => None,
        Choice::Auto => ask.tools.first(),
    }
}

/// A value that fits a JSON schema: first enum value, fixed scalars, every property present.
fn example_of(schema: &Value, root: &Value, depth: usize) -> Value {
    if depth > MAX_SCHEMA_DEPTH {
        return Value::Null;
    }
    if let Some(first) = schema.get("enum").and_then(Value::as_array).and_then(|values| values.first()) {
        return first.clone();
    }
    if let Some(fixed) = schema.get("const") {
        return fixed.clone();
    }
    if let Some(target) = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#')) {
        return root.pointer(target).map_or(Value::Null, |found| example_of(found, root, depth + 1));
    }
    for many in ["anyOf", "oneOf", "allOf"] {
        if let Some(first) = schema.get(many).and_then(Value::as_array).and_then(|variants| variants.first()) {
            return example_of(first, root, depth + 1);
        }
    }
    let kind = match schema.get("type") {
        Some(Value::String(kind)) => kind.to_ascii_lowercase(),
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str).unwrap_or("null").to_ascii_lowercase(),
        _ => "object".to_owned(),
    };
    match kind.as_str() {
        "object" => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let filled: Map<String, Value> = properties
                .into_iter()
                .flatten()
                .map(|(name, inner)| (name.clone(), example_of(inner, root, depth + 1)))
                .collect();
            Value::Object(filled)
        }
        "array" => match schema.get("items") {
            Some(items) => json!([example_of(items, root, depth + 1)]),
            None => json!([]),
        },
        "integer" => json!(7),
        "number" => json!(1.5),
        "boolean" => json!(true),
        "null" => Value::Null,
        _ => json!("Oslo né"),
    }
}
