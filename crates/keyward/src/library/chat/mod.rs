//! A conversation with a model: written in the dialect of the model's provider, sent through the gateway's pipeline.

mod anthropic;
mod exchange;
mod gemini;
mod openai;
mod stream;

use keyward_dialect::usage::Reading;
use keyward_domain::dialect::{Dialect, Operation};
use keyward_domain::ids::TenantId;
use keyward_domain::money::Nanodollars;
use keyward_domain::usage::Usage;
use serde_json::Value;

use super::error::CallError;
use super::opening::Open;
use super::{Error, Keyward, ProviderId};
use exchange::{Asked, Begun, Head};

pub use stream::ChatStream;

/// What to ask a model.
///
/// ```
/// use keyward::ChatRequest;
///
/// let request = ChatRequest::new("gemini-2.5-flash")
///     .system("Answer in one sentence.")
///     .user("Why is the sky blue?")
///     .max_tokens(200);
/// # drop(request);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ChatRequest {
    model: String,
    system: Option<String>,
    messages: Vec<Message>,
    max_tokens: Option<u32>,
    temperature: Option<f32>,
    session: Option<String>,
}

/// Something that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// By whom.
    pub role: Role,
    /// What.
    pub text: String,
}

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The person, or the program on their behalf.
    User,
    /// The model.
    Assistant,
}

/// What a model answered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// What it said.
    pub text: String,
    /// Why it stopped, in the provider's own word: `stop`, `end_turn`, `MAX_TOKENS`, ... Empty when it gave none.
    pub finish: String,
    /// Who served it.
    pub provider: ProviderId,
    /// The provider's own name for the model.
    pub model: String,
    /// Which provider key it was; empty for a provider that wants none.
    pub key: String,
    /// How many attempts it took.
    pub attempts: u32,
    /// What it consumed, in tokens; `None` when the provider did not say.
    pub usage: Option<Usage>,
    /// What it cost; `None` when the price is unknown.
    pub cost: Option<Nanodollars>,
    /// Its id in the request log.
    pub request: String,
}

impl Keyward {
    /// Asks a model and waits for the whole answer. The call is routed, retried and metered as a client's call to the
    /// server is: the virtual key of this process is called `library`, and its calls are in the request log.
    ///
    /// The model is an alias, `provider/model`, or a bare name that one provider offers. It is asked in its own provider's
    /// dialect; an alias whose targets speak several is asked in that of its first.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # use keyward::{ChatRequest, Keyward, Options, ProviderId};
    /// # let keyward = Keyward::open(Options::temporary()).await?;
    /// # keyward.add_key(ProviderId::SANDBOX, "production", "any-key-will-do".to_owned()).await?;
    /// let answer = keyward.chat(ChatRequest::new("sandbox-echo").user("Hello")).await?;
    /// assert_eq!((answer.text.as_str(), answer.key.as_str()), ("Hello", "production"));
    /// assert!(answer.cost.is_some());
    /// # keyward.close().await?;
    /// # Ok::<(), keyward::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`Error::Call`] with the code and the sentence that a client of the server would have got.
    pub async fn chat(&self, request: ChatRequest) -> Result<Answer, Error> {
        let asked = self.asked(&request, false)?;
        let mut begun = self.begin(&asked).await?;
        let body = begun.whole().await?;
        answer(asked.dialect, &begun.head, &body).ok_or_else(|| Error::Call(strange(&begun.head)))
    }

    /// Asks a model and gives its answer piece by piece, as it comes; in all else as [`Keyward::chat`].
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # use keyward::{ChatRequest, Keyward, Options, ProviderId};
    /// # let keyward = Keyward::open(Options::temporary()).await?;
    /// # keyward.add_key(ProviderId::SANDBOX, "production", "any-key-will-do".to_owned()).await?;
    /// let mut stream = keyward.chat_stream(ChatRequest::new("sandbox-echo").user("Hello, how are you?")).await?;
    /// while let Some(piece) = stream.next().await? {
    ///     print!("{piece}");
    /// }
    /// let answer = stream.finish().await?;
    /// assert_eq!(answer.text, "Hello, how are you?");
    /// assert!(answer.cost.is_some());
    /// # keyward.close().await?;
    /// # Ok::<(), keyward::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`Error::Call`] as for [`Keyward::chat`]. What goes wrong later is told by [`ChatStream::next`].
    pub async fn chat_stream(&self, request: ChatRequest) -> Result<ChatStream, Error> {
        let asked = self.asked(&request, true)?;
        Ok(ChatStream::new(self.clone(), asked.dialect, self.begin(&asked).await?))
    }

    fn asked<'a>(&self, request: &'a ChatRequest, is_streamed: bool) -> Result<Asked<'a>, Error> {
        let dialect = dialect_of(self.open_now()?, &request.model);
        let whole = match dialect {
            Dialect::OpenAi => openai::request(request),
            Dialect::Anthropic => anthropic::request(request),
            Dialect::Gemini => gemini::request(request)?,
        };
        let (path, body) = match (is_streamed, dialect) {
            (false, _) => whole,
            (true, Dialect::OpenAi) => openai::streamed(whole),
            (true, Dialect::Anthropic) => anthropic::streamed(whole),
            (true, Dialect::Gemini) => gemini::streamed(whole),
        };
        Ok(Asked { dialect, path, body, session: request.session.as_deref() })
    }

    /// A good answer, whose body is still to be read.
    async fn begin(&self, asked: &Asked<'_>) -> Result<Begun, Error> {
        let mut begun = exchange::begin(self.open_now()?, asked).await?;
        if begun.head.status == 200 {
            return Ok(begun);
        }
        let body = begun.whole().await?;
        Err(Error::Call(refusal(&begun.head, &serde_json::from_slice(&body).unwrap_or_default())))
    }
}

/// The dialect of the provider that a name leads to. One that leads nowhere is asked in any: the refusal says so.
fn dialect_of(open: &Open, model: &str) -> Dialect {
    let snapshot = open.engine.publisher.snapshot.load();
    let route = snapshot.route(TenantId::DEFAULT, model);
    let first = route.as_ref().and_then(|route| route.targets.first());
    first.map_or(Dialect::OpenAi, |target| target.provider.kind.native_dialect())
}

fn answer(dialect: Dialect, head: &Head, body: &[u8]) -> Option<Answer> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let (said, usage) = match dialect {
        Dialect::OpenAi => (openai::read(&body)?, &body["usage"]),
        Dialect::Anthropic => (anthropic::read(&body)?, &body["usage"]),
        Dialect::Gemini => (gemini::read(&body)?, &body["usageMetadata"]),
    };
    Some(Answer { cost: dollars(head.header("x-keyward-cost-usd")), ..told(dialect, head, said, usage) })
}

/// The answer, but for its cost.
fn told(dialect: Dialect, head: &Head, said: Said, usage: &Value) -> Answer {
    let operation = match dialect {
        Dialect::OpenAi => Operation::Chat,
        Dialect::Anthropic => Operation::Messages,
        Dialect::Gemini => Operation::Generate,
    };
    let usage = match keyward_dialect::usage::read(dialect, operation, usage.to_string().as_bytes()) {
        Reading::Known(usage) => Some(usage),
        Reading::Missing | Reading::Suspect => None,
    };
    Answer {
        text: said.text,
        finish: said.finish,
        provider: ProviderId::named(head.header("x-keyward-provider").to_owned()),
        model: head.header("x-keyward-model").to_owned(),
        key: head.header("x-keyward-key").to_owned(),
        attempts: head.header("x-keyward-attempts").parse().unwrap_or(1),
        usage,
        cost: None,
        request: head.header("x-keyward-request-id").to_owned(),
    }
}

/// What a model said, as its dialect spells it.
struct Said {
    text: String,
    finish: String,
}

/// Dollars with up to nine decimals, exactly.
fn dollars(text: &str) -> Option<Nanodollars> {
    const DECIMALS: usize = 9;
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > DECIMALS {
        return None;
    }
    let whole = whole.parse::<i64>().ok()?.checked_mul(1_000_000_000)?;
    let decimals = format!("{decimals:0<DECIMALS$}").parse::<i64>().ok()?;
    whole.checked_add(decimals).map(Nanodollars)
}

impl ChatRequest {
    /// A question to this model, with nothing said yet.
    pub fn new(model: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            system: None,
            messages: Vec::new(),
            max_tokens: None,
            temperature: None,
            session: None,
        }
    }

    /// How the model is to behave.
    #[must_use]
    pub fn system(mut self, text: impl Into<String>) -> Self {
        self.system = Some(text.into());
        self
    }

    /// What the person says.
    #[must_use]
    pub fn user(self, text: impl Into<String>) -> Self {
        self.message(Message { role: Role::User, text: text.into() })
    }

    /// What the model said before.
    #[must_use]
    pub fn assistant(self, text: impl Into<String>) -> Self {
        self.message(Message { role: Role::Assistant, text: text.into() })
    }

    /// Something that was said.
    #[must_use]
    pub fn message(mut self, message: Message) -> Self {
        self.messages.push(message);
        self
    }

    /// Everything that was said so far, in order. The caller keeps the history of a conversation.
    #[must_use]
    pub fn messages(mut self, messages: impl IntoIterator<Item = Message>) -> Self {
        self.messages.extend(messages);
        self
    }

    /// The longest answer, in tokens. Providers that want a limit get 4,096 when none is set.
    #[must_use]
    pub fn max_tokens(mut self, tokens: u32) -> Self {
        self.max_tokens = Some(tokens);
        self
    }

    /// How much chance there is in the answer, as the provider counts it (most from 0 to 2).
    #[must_use]
    pub fn temperature(mut self, temperature: f32) -> Self {
        self.temperature = Some(temperature);
        self
    }

    /// Which conversation this belongs to, by any name of at most 256 visible characters: its calls stay with one
    /// account of the provider, where what was said before is in the prompt cache.
    #[must_use]
    pub fn session(mut self, name: impl Into<String>) -> Self {
        self.session = Some(name.into());
        self
    }
}

impl Role {
    /// The word that OpenAI and Anthropic use.
    const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// A refusal, in whichever dialect it is spelled.
fn refusal(head: &Head, body: &Value) -> CallError {
    let at = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let codes =
        ["/error/details/error_code", "/error/details/0/metadata/code", "/error/code", "/error/type", "/error/status"];
    let code = codes.into_iter().find_map(at).unwrap_or_else(|| format!("status_{}", head.status));
    let message = at("/error/message").unwrap_or_else(|| format!("the provider answered with status {}", head.status));
    head.error(code, message)
}

fn strange(head: &Head) -> CallError {
    let message = "the provider's answer is not what its API promises: there is no text in it".to_owned();
    head.error("upstream_malformed".to_owned(), message)
}

#[cfg(test)]
mod tests {
    use super::{Nanodollars, dollars};

    #[test]
    fn costs_are_read_to_the_nano_dollar() {
        for nanodollars in [0, 1, 12_750, 100_000_000, 1_000_000_000, 12_345_678_900_000_000] {
            let text = Nanodollars(nanodollars).to_string();
            assert_eq!(dollars(text.trim_start_matches('$')), Some(Nanodollars(nanodollars)), "{text}");
        }
        for text in ["", "x", "1.0000000001", "1.x", "99999999999999999999"] {
            assert_eq!(dollars(text), None, "{text}");
        }
    }
}
