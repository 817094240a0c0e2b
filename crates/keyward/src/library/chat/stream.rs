//! An answer piece by piece: server-sent events, read as they come.

use bytes::BytesMut;
use keyward_domain::dialect::Dialect;
use keyward_domain::ids::RequestId;
use serde_json::{Map, Value};

use super::exchange::{Begun, broken};
use super::{Answer, Said, anthropic, gemini, openai, refusal, told};
use crate::library::{Error, Keyward};

/// The longest event, in bytes: a single piece of text is far shorter.
const MAX_EVENT: usize = 1024 * 1024;

/// An answer on its way. Given up before its end, the provider is stopped and what it made so far is charged.
pub struct ChatStream {
    keyward: Keyward,
    dialect: Dialect,
    begun: Begun,
    waiting: BytesMut,
    said: Said,
    usage: Map<String, Value>,
    has_ended: bool,
}

/// What one event adds.
#[derive(Debug, Default)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) finish: Option<String>,
    pub(super) usage: Option<Value>,
}

impl ChatStream {
    pub(super) fn new(keyward: Keyward, dialect: Dialect, begun: Begun) -> Self {
        let said = Said { text: String::new(), finish: String::new() };
        Self { keyward, dialect, begun, waiting: BytesMut::new(), said, usage: Map::new(), has_ended: false }
    }

    /// The next piece of text; `None` at the end.
    ///
    /// # Errors
    /// [`Error::Call`] when the answer breaks off, or an error came in the middle of it.
    pub async fn next(&mut self) -> Result<Option<String>, Error> {
        loop {
            while let Some(event) = self.event()? {
                let text = self.take(&event)?;
                if !text.is_empty() {
                    return Ok(Some(text));
                }
            }
            if self.has_ended {
                return Ok(None);
            }
            match self.begun.piece().await? {
                Some(bytes) => self.waiting.extend_from_slice(&bytes),
                None => self.has_ended = true,
            }
        }
    }

    /// Reads on to the end and gives the whole answer, with what it consumed and cost.
    ///
    /// # Errors
    /// As for [`ChatStream::next`].
    pub async fn finish(mut self) -> Result<Answer, Error> {
        while self.next().await?.is_some() {}
        let usage = Value::Object(self.usage);
        let answer = told(self.dialect, &self.begun.head, self.said, &usage);
        let cost = match answer.request.parse() {
            Ok(request) => self.keyward.cost_of(request).await?,
            Err(_) => None,
        };
        Ok(Answer { cost, ..answer })
    }

    /// The data of the next event that has arrived completely.
    fn event(&mut self) -> Result<Option<Value>, Error> {
        loop {
            let Some(end) = end_of_event(&self.waiting) else {
                let is_too_long = self.waiting.len() > MAX_EVENT;
                return if is_too_long { Err(broken(&"an event of it is longer than 1 MiB")) } else { Ok(None) };
            };
            let event = self.waiting.split_to(end);
            let lines = event.as_ref().split(|byte: &u8| *byte == b'\n').filter_map(|line| line.strip_prefix(b"data:"));
            let data = lines.collect::<Vec<_>>().concat();
            // Comments, and the closing `[DONE]`, hold no JSON.
            if let Ok(value) = serde_json::from_slice(&data) {
                return Ok(Some(value));
            }
        }
    }

    fn take(&mut self, event: &Value) -> Result<String, Error> {
        if event.get("error").is_some_and(|error| !error.is_null()) {
            return Err(Error::Call(refusal(&self.begun.head, event)));
        }
        let Piece { text, finish, usage } = match self.dialect {
            Dialect::OpenAi => openai::piece(event),
            Dialect::Anthropic => anthropic::piece(event),
            Dialect::Gemini => gemini::piece(event),
        };
        self.said.text.push_str(&text);
        if let Some(finish) = finish {
            self.said.finish = finish;
        }
        // The later part goes over the earlier one.
        if let Some(Value::Object(usage)) = usage {
            self.usage.extend(usage.into_iter().filter(|(_, value)| !value.is_null()));
        }
        Ok(text)
    }
}

impl std::fmt::Debug for ChatStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChatStream(..)")
    }
}

impl Keyward {
    /// What a call cost, as the ledger has it. A stream ends only when its row is durable.
    async fn cost_of(&self, request: RequestId) -> Result<Option<keyward_domain::money::Nanodollars>, Error> {
        let open = self.open_now()?;
        open.rows_are_there().await;
        let store = std::sync::Arc::clone(&open.engine.store);
        let read = tokio::task::spawn_blocking(move || store.request(request)).await.map_err(|_| Error::died())?;
        let row = read.map_err(|error| Error::Internal(error.to_string()))?;
        // A price that is unknown for one attempt is unknown for all.
        let known = row.filter(|row| !row.attempts.is_empty());
        Ok(known.and_then(|row| row.attempts.iter().map(|attempt| attempt.cost).sum()))
    }
}

/// Where the first event ends: behind an empty line.
fn end_of_event(bytes: &[u8]) -> Option<usize> {
    let mut is_empty = false;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'\n' if is_empty => return Some(at + 1),
            b'\n' => is_empty = true,
            b'\r' => {}
            _ => is_empty = false,
        }
    }
    None
}
