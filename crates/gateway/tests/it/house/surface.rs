//! The surfaces of which streams are cut: two of OpenAI, one of Anthropic, one of Gemini.

use keyward_testkit::provider::Vendor;

use super::{Client, House};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    Chat,
    Responses,
    Messages,
    Gemini,
}

impl Surface {
    pub(crate) const ALL: [Self; 4] = [Self::Chat, Self::Responses, Self::Messages, Self::Gemini];

    pub(crate) fn vendor(self) -> Vendor {
        match self {
            Self::Chat | Self::Responses => Vendor::OpenAi,
            Self::Messages => Vendor::Anthropic,
            Self::Gemini => Vendor::Gemini,
        }
    }

    /// A model of the vendor, and another one.
    pub(crate) fn models(self) -> [&'static str; 2] {
        match self {
            Self::Chat | Self::Responses => ["gpt-4o-mini", "gpt-4o"],
            Self::Messages => ["claude-haiku-4-5", "claude-sonnet-4-5"],
            Self::Gemini => ["gemini-2.5-flash", "gemini-2.5-pro"],
        }
    }

    /// Where a stream of this model is asked for.
    pub(crate) fn path(self, model: &str) -> String {
        match self {
            Self::Chat => "/v1/chat/completions".to_owned(),
            Self::Responses => "/v1/responses".to_owned(),
            Self::Messages => "/v1/messages".to_owned(),
            Self::Gemini => format!("/v1beta/models/{model}:streamGenerateContent?alt=sse"),
        }
    }

    /// The request for a stream, such that every byte of the answer is the client's to see.
    pub(crate) fn body(self, model: &str) -> String {
        match self {
            Self::Chat => format!(
                r#"{{"model":"{model}","stream":true,"stream_options":{{"include_usage":true}},"messages":[{{"role":"user","content":"Tell me a story"}}]}}"#
            ),
            Self::Responses => format!(r#"{{"model":"{model}","stream":true,"input":"Tell me a story"}}"#),
            Self::Messages => format!(
                r#"{{"model":"{model}","max_tokens":64,"stream":true,"messages":[{{"role":"user","content":"Tell me a story"}}]}}"#
            ),
            Self::Gemini => r#"{"contents":[{"role":"user","parts":[{"text":"Tell me a story"}]}]}"#.to_owned(),
        }
    }

    pub(crate) fn client(self, house: &House) -> Client {
        let bearer = format!("Bearer {}", house.key);
        let (header, value) = match self {
            Self::Chat | Self::Responses => ("authorization", &*bearer),
            Self::Messages => ("x-api-key", &*house.key),
            Self::Gemini => ("x-goog-api-key", &*house.key),
        };
        house.client().headers(&[(header, value), ("anthropic-version", "2023-06-01")])
    }

    /// Where the first event with content ends in a whole stream.
    pub(crate) fn first_content(self, stream: &[u8]) -> usize {
        let mut end = 0;
        for event in events(stream) {
            end += event.len();
            let data = event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap_or_default();
            let json: serde_json::Value = serde_json::from_str(data).unwrap_or_default();
            let content = match self {
                Self::Chat => &json["choices"][0]["delta"]["content"],
                Self::Responses => &json["delta"],
                Self::Messages => &json["delta"]["text"],
                Self::Gemini => &json["candidates"][0]["content"]["parts"][0]["text"],
            };
            if content.as_str().is_some_and(|text| !text.is_empty()) {
                return end;
            }
        }
        panic!("no content in {}", String::from_utf8_lossy(stream));
    }

    /// Whether a stream says that it came to its end as it should.
    pub(crate) fn ends_well(self, stream: &str) -> bool {
        stream.contains(match self {
            Self::Chat => "[DONE]",
            Self::Responses => "response.completed",
            Self::Messages => "message_stop",
            Self::Gemini => "finishReason",
        })
    }

    /// The code in the dialect's own error event, if this text is exactly one.
    pub(crate) fn error_code(self, event: &str) -> Option<String> {
        let head = match self {
            Self::Chat | Self::Gemini => "data: ",
            Self::Responses | Self::Messages => "event: error\ndata: ",
        };
        let data = event.strip_prefix(head)?.strip_suffix("\n\n")?;
        let json: serde_json::Value = serde_json::from_str(data).ok()?;
        let is_typed = match self {
            Self::Responses | Self::Messages => json["type"] == "error",
            Self::Chat | Self::Gemini => json["error"].is_object(),
        };
        let place = match self {
            Self::Chat => "/error/code",
            Self::Responses => "/code",
            Self::Messages => "/error/details/error_code",
            Self::Gemini => "/error/details/0/metadata/code",
        };
        let code = json.pointer(place)?.as_str()?.to_owned();
        is_typed.then_some(code)
    }
}

/// The events of a stream, each with the blank line behind it.
pub(crate) fn events(stream: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(stream).into_owned();
    let blank = if text.contains("\r\n\r\n") { "\r\n\r\n" } else { "\n\n" };
    text.split_inclusive(blank).map(str::to_owned).collect()
}

/// Where the last whole event ends within the first `byte` bytes of a stream.
pub(crate) fn whole_until(stream: &[u8], byte: usize) -> usize {
    let ends = events(stream).into_iter().scan(0, |end, event| {
        *end += event.len();
        Some(*end)
    });
    ends.take_while(|end| *end <= byte).last().unwrap_or(0)
}
