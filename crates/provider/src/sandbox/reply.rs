//! What is answered: text or a function call, and what it consumed.

use serde_json::Value;

use super::ask::Ask;
use super::instance;
use super::knobs::Knobs;

/// Bytes of a piece, about what a token is.
const PIECE_BYTES: usize = 4;
/// How much of the question an answer repeats, in characters.
const QUOTED: usize = 80;
/// The words of answers whose length was asked for.
const WORDS: [&str; 12] =
    ["sand ", "runs ", "down ", "the ", "glass ", "grain ", "by ", "grain ", "and ", "none ", "is ", "lost. "];

/// A text as a row of pieces, one token each.
#[derive(Debug, Clone)]
pub(super) enum Text {
    /// This text.
    Given(String),
    /// So many words, made as they are needed.
    Words(u64),
}

impl Text {
    /// How many pieces there are.
    pub(super) fn tokens(&self) -> u64 {
        match self {
            Self::Given(text) => u64::try_from(split(text).count()).unwrap_or(u64::MAX),
            Self::Words(count) => *count,
        }
    }

    /// The whole text.
    pub(super) fn whole(&self) -> String {
        match self {
            Self::Given(text) => text.clone(),
            Self::Words(_) => self.clone().pieces().collect(),
        }
    }

    /// The pieces in order.
    pub(super) fn pieces(self) -> Box<dyn Iterator<Item = String> + Send> {
        match self {
            Self::Given(text) => {
                let pieces: Vec<String> = split(&text).map(str::to_owned).collect();
                Box::new(pieces.into_iter())
            }
            Self::Words(count) => {
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                Box::new(WORDS.iter().cycle().take(count).map(|word| (*word).to_owned()))
            }
        }
    }

    /// The first pieces only, and whether that cut something off.
    fn cut(self, most: u64) -> (Self, bool) {
        if self.tokens() <= most {
            return (self, false);
        }
        let cut = match self {
            Self::Words(_) => Self::Words(most),
            Self::Given(text) => Self::Given(split(&text).take(usize::try_from(most).unwrap_or(usize::MAX)).collect()),
        };
        (cut, true)
    }
}

/// Cuts a text into pieces of at most [`PIECE_BYTES`] bytes, never inside a character.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = rest.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= PIECE_BYTES).last();
        let (piece, after) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// What a reply is.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// A text.
    Text(Text),
    /// A function call: name and arguments as JSON.
    Call(String, Text),
}

/// Why a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It was complete.
    Stop,
    /// The caller allowed no more.
    Length,
    /// A function is to be called.
    Call,
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) content: Content,
    pub(super) end: End,
    /// Prompt tokens in all.
    pub(super) prompt: u64,
    /// Those of them that the cache had.
    pub(super) cached: u64,
    /// Answer tokens without reasoning.
    pub(super) output: u64,
    pub(super) reasoning: u64,
}

impl Reply {
    /// The answer to a question; `demanded` names the function that has to be called, if one has.
    pub(super) fn to(ask: &Ask, demanded: Option<&str>, knobs: &Knobs) -> Self {
        let prompt = ask.prompt_tokens.max(1);
        let reasoning = knobs.reasoning.unwrap_or(0).min(ask.max_tokens.unwrap_or(u64::MAX));
        let room = ask.max_tokens.unwrap_or(u64::MAX).saturating_sub(reasoning);
        let (content, end, output) = if let Some(tool) = ask.called(demanded) {
            let arguments = Text::Given(instance::of(&tool.schema).to_string());
            let output = arguments.tokens();
            (Content::Call(tool.name.clone(), arguments), End::Call, output)
        } else {
            let (text, was_cut) = text_for(ask, knobs).cut(room);
            let output = text.tokens();
            (Content::Text(text), if was_cut { End::Length } else { End::Stop }, output)
        };
        Self { content, end, prompt, cached: knobs.cached.unwrap_or(0).min(prompt), output, reasoning }
    }

    /// The text; empty for a function call.
    pub(super) fn text(&self) -> String {
        match &self.content {
            Content::Text(text) => text.whole(),
            Content::Call(..) => String::new(),
        }
    }

    /// All answer tokens.
    pub(super) const fn completion(&self) -> u64 {
        self.output.saturating_add(self.reasoning)
    }
}

fn text_for(ask: &Ask, knobs: &Knobs) -> Text {
    if let Some(schema) = &ask.schema {
        return Text::Given(instance::of(schema).to_string());
    }
    if let Some(count) = knobs.tokens {
        return Text::Words(count);
    }
    let question = without_knobs(&ask.question);
    if knobs.echo {
        return Text::Given(question);
    }
    if let Some(result) = &ask.tool_result {
        let quoted: String = result.chars().take(QUOTED).collect();
        return Text::Given(format!("The tool says: {quoted}"));
    }
    let quoted: String = question.chars().take(QUOTED).collect();
    let shortened = if question.chars().count() > QUOTED { "..." } else { "" };
    Text::Given(format!(
        "This is the Keyward sandbox. You said: \"{quoted}{shortened}\" Nothing of it left this process."
    ))
}

fn without_knobs(question: &str) -> String {
    let cut = question.split_once("[[").and_then(|(before, rest)| Some((before, rest.split_once("]]")?.1)));
    cut.map_or_else(|| question.to_owned(), |(before, after)| format!("{}{}", before.trim_end(), after))
}

/// A JSON value as an argument object: functions are never called with less.
pub(super) fn arguments_of(text: &Text) -> Value {
    serde_json::from_str(&text.whole()).unwrap_or_else(|_| Value::Object(serde_json::Map::new()))
}
