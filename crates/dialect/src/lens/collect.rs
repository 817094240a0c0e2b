//! From members to facts.

use std::ops::Range;

use keyward_domain::dialect::{Dialect, Operation};

use crate::bound::request::{self, Keys};
use crate::bound::{Bound, Kind};
use crate::digest::digest;
use crate::json::{Count, Elements, Members, Scanner, Skip, characters, count, decode, is_null, text};

use super::name::Name;
use super::prefix::Parts;
use super::search::Found;
use super::{
    CapPlaces, Facts, IncludeUsage, InsertAt, LensError, MAX_CANDIDATES, MAX_MODEL, MAX_NESTED_MODELS, MAX_OUTPUT_CAP,
    ModelSpan,
};

/// Gathers facts member by member, in any order.
#[derive(Debug)]
pub(crate) struct Collector<'a> {
    body: &'a [u8],
    pub(crate) dialect: Dialect,
    pub(crate) operation: Operation,
    facts: Facts,
    seen: u32,
    /// Where the value of `stream` ends.
    stream_end: usize,
    options: Options,
    /// Where tools stand.
    tools: Vec<Range<usize>>,
    /// What may refer to account-bound state.
    found: Found,
}

/// What is known about `stream_options`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Options {
    Missing,
    Null(Range<usize>),
    /// An object; the offset behind its bracket, and whether it has members.
    Without(usize, bool),
    /// `include_usage` is there and not true.
    Refused(Range<usize>),
    Asked,
}

impl<'a> Collector<'a> {
    pub(crate) const fn new(dialect: Dialect, operation: Operation, body: &'a [u8]) -> Self {
        let facts = Facts {
            model: None,
            nested_models: Vec::new(),
            stream: false,
            include_usage: IncludeUsage::NotApplicable,
            output_cap: None,
            cap_places: CapPlaces { values: [None, None], config: None },
            candidates: 1,
            service_tier: None,
            input_characters: None,
            image_size: None,
            image_quality: None,
            cache_key: None,
            parts: Parts { system: None, conversation: None },
            bound: Bound::new(),
            forbidden: None,
        };
        let found = Found { name: false, reference: false, anywhere: false };
        Self {
            body,
            dialect,
            operation,
            facts,
            seen: 0,
            stream_end: 0,
            options: Options::Missing,
            tools: Vec::new(),
            found,
        }
    }

    pub(crate) const fn body(&self) -> &'a [u8] {
        self.body
    }

    /// Where references have to be looked for.
    pub(crate) const fn note(&mut self, found: Found) {
        self.found = found;
    }

    /// The conversation begins here; where it ends is not known.
    pub(crate) fn begin(&mut self, start: usize) -> Result<(), LensError> {
        self.once(Name::Conversation)?;
        self.facts.parts.conversation = Some(start);
        Ok(())
    }

    /// A member of the top level, with where its value stands.
    pub(crate) fn member(&mut self, name: Name, range: Range<usize>) -> Result<(), LensError> {
        if let Name::Forbidden(name) = name {
            self.facts.forbidden.get_or_insert(name);
            return Ok(());
        }
        self.once(name)?;
        let value = self.body.get(range.clone()).unwrap_or_default();
        match name {
            Name::Model => self.facts.model = Some(model(value, range)?),
            Name::Stream => {
                self.facts.stream |= flag("stream", value)?;
                self.stream_end = range.end;
            }
            Name::StreamFormat => self.facts.stream |= word("stream_format", value)?.as_deref() == Some("sse"),
            Name::StreamOptions => self.options = options(value, range.start)?,
            Name::MaxTokens | Name::MaxCompletionTokens | Name::MaxOutputTokens => {
                self.cap(name.as_str(), value, range)?;
            }
            Name::N | Name::BestOf => self.answers(name.as_str(), value)?,
            Name::ServiceTier => self.facts.service_tier = word("service_tier", value)?,
            Name::SpokenInput => self.facts.input_characters = characters(value),
            Name::Size => self.facts.image_size = word("size", value)?,
            Name::Quality => self.facts.image_quality = word("quality", value)?,
            Name::GenerationConfig => self.generation_config(value, range)?,
            Name::Requests => self.requests(value, range.start)?,
            Name::GenerateContentRequest => self.nested_model(value, range.start)?,
            Name::Conversation => self.facts.parts.conversation = Some(range.start),
            Name::System => self.facts.parts.system = Some(range.start),
            Name::Tools => self.tools.push(range),
            Name::CacheKey => self.facts.cache_key = cache_key(value),
            Name::PreviousResponse => self.facts.bound.value(Kind::Response, value),
            Name::StoredConversation => request::id(Kind::Conversation, value, &mut self.facts.bound),
            Name::Container => request::id(Kind::Container, value, &mut self.facts.bound),
            Name::StoredPrompt => request::id(Kind::Prompt, value, &mut self.facts.bound),
            Name::CachedContent => self.facts.bound.value(Kind::CachedContent, value),
            Name::Forbidden(_) => {}
        }
        Ok(())
    }

    fn once(&mut self, name: Name) -> Result<(), LensError> {
        if self.seen & name.bit() != 0 && name != Name::Tools {
            return Err(twice(name.as_str()));
        }
        self.seen |= name.bit();
        Ok(())
    }

    /// The facts, once all members have been seen.
    pub(crate) fn into_facts(mut self) -> Facts {
        self.refer();
        let reports_when_asked = self.dialect == Dialect::OpenAi
            && matches!(self.operation, Operation::Chat | Operation::Completion)
            && self.facts.stream;
        if reports_when_asked {
            self.facts.include_usage = include_usage(self.options, self.stream_end);
        }
        self.facts
    }

    /// Looks for references where there may be some.
    fn refer(&mut self) {
        if Keys::of(self.dialect, self.operation).marks == 0 {
            return;
        }
        let bound = &mut self.facts.bound;
        for tools in self.tools.iter().filter(|_| self.found.anywhere) {
            request::tools(self.dialect, self.operation, self.body.get(tools.clone()).unwrap_or_default(), bound);
        }
        if let Some(start) = self.facts.parts.conversation.filter(|_| self.found.reference) {
            request::conversation(self.dialect, self.operation, &mut Skip::new(self.body, start), bound);
        }
    }

    fn cap(&mut self, param: &'static str, value: &[u8], range: Range<usize>) -> Result<(), LensError> {
        if let Some(free) = self.facts.cap_places.values.iter_mut().find(|place| place.is_none()) {
            *free = Some(range);
        }
        match count(value) {
            Count::Absent => Ok(()),
            Count::Is(cap) if cap <= MAX_OUTPUT_CAP => {
                self.facts.output_cap = self.facts.output_cap.max(Some(cap));
                Ok(())
            }
            _ => Err(LensError::of(param, format!("`{param}` has to be a whole number from 0 to {MAX_OUTPUT_CAP}."))),
        }
    }

    fn answers(&mut self, param: &'static str, value: &[u8]) -> Result<(), LensError> {
        let wanted = match count(value) {
            Count::Absent => return Ok(()),
            Count::Is(wanted) => u32::try_from(wanted).ok().filter(|wanted| (1..=MAX_CANDIDATES).contains(wanted)),
            Count::Bad => None,
        };
        let Some(wanted) = wanted else {
            return Err(LensError::of(
                param,
                format!("`{param}` has to be a whole number from 1 to {MAX_CANDIDATES}."),
            ));
        };
        self.facts.candidates = self.facts.candidates.max(wanted);
        Ok(())
    }

    fn generation_config(&mut self, value: &[u8], range: Range<usize>) -> Result<(), LensError> {
        let start = range.start;
        self.facts.cap_places.config = Some(range);
        if is_null(value) {
            return Ok(());
        }
        let Ok(mut members) = Members::new(Scanner::strict(value)) else {
            return Err(LensError::of("generationConfig", "`generationConfig` has to be an object."));
        };
        let (mut caps, mut counts) = (0, 0);
        while let Some(member) = members.next()? {
            let Some(key) = decode(member.key) else { continue };
            match key.as_ref() {
                "maxOutputTokens" | "max_output_tokens" => {
                    caps += 1;
                    let range = start + member.range.start..start + member.range.end;
                    self.cap("maxOutputTokens", member.value, range)?;
                }
                "candidateCount" | "candidate_count" => {
                    counts += 1;
                    self.answers("candidateCount", member.value)?;
                }
                _ => {}
            }
        }
        match (caps, counts) {
            (0 | 1, 0 | 1) => Ok(()),
            (0 | 1, _) => Err(twice("candidateCount")),
            _ => Err(twice("maxOutputTokens")),
        }
    }

    fn requests(&mut self, value: &[u8], start: usize) -> Result<(), LensError> {
        for element in Elements::of(value) {
            let from = start + element.start;
            self.nested_model(value.get(element).unwrap_or_default(), from)?;
        }
        Ok(())
    }

    /// Notes the `model` of an object that stands at `start`.
    fn nested_model(&mut self, object: &[u8], start: usize) -> Result<(), LensError> {
        let Ok(mut members) = Members::new(Scanner::strict(object)) else { return Ok(()) };
        let mut found = false;
        while let Some(member) = members.next()? {
            if decode(member.key).as_deref() != Some("model") {
                continue;
            }
            if std::mem::replace(&mut found, true) {
                return Err(twice("model"));
            }
            if self.facts.nested_models.len() == MAX_NESTED_MODELS {
                let limit = format!("More than {MAX_NESTED_MODELS} requests in one batch. Send fewer at a time.");
                return Err(LensError::of("requests", limit));
            }
            let range = start + member.range.start..start + member.range.end;
            self.facts.nested_models.push(model(member.value, range)?);
        }
        Ok(())
    }
}

fn model(value: &[u8], range: Range<usize>) -> Result<ModelSpan, LensError> {
    let wrong = || LensError::of("model", "`model` has to be a string that names a model.");
    let text = text(value).ok_or_else(wrong)?;
    if text.is_empty() {
        return Err(wrong());
    }
    if text.len() > MAX_MODEL {
        return Err(LensError::of("model", format!("`model` is longer than {MAX_MODEL} bytes.")));
    }
    Ok(ModelSpan { range, text: text.into() })
}

fn cache_key(value: &[u8]) -> Option<u64> {
    text(value).filter(|text| !text.is_empty()).map(|text| digest(text.as_bytes()))
}

fn flag(param: &'static str, value: &[u8]) -> Result<bool, LensError> {
    match value {
        b"true" => Ok(true),
        b"false" | b"null" => Ok(false),
        _ => Err(LensError::of(param, format!("`{param}` has to be true or false."))),
    }
}

fn word(param: &'static str, value: &[u8]) -> Result<Option<Box<str>>, LensError> {
    if is_null(value) {
        return Ok(None);
    }
    match text(value) {
        Some(text) if text.len() <= MAX_MODEL => Ok(Some(text.into())),
        _ => Err(LensError::of(param, format!("`{param}` has to be a string of at most {MAX_MODEL} bytes."))),
    }
}

fn options(value: &[u8], start: usize) -> Result<Options, LensError> {
    if is_null(value) {
        return Ok(Options::Null(start..start + value.len()));
    }
    let Ok(mut members) = Members::new(Scanner::strict(value)) else {
        return Err(LensError::of("stream_options", "`stream_options` has to be an object."));
    };
    let mut options = Options::Without(start + 1, false);
    while let Some(member) = members.next()? {
        if decode(member.key).as_deref() != Some("include_usage") {
            if let Options::Without(_, has_members) = &mut options {
                *has_members = true;
            }
            continue;
        }
        options = match options {
            Options::Without(..) if flag("stream_options.include_usage", member.value)? => Options::Asked,
            Options::Without(..) => Options::Refused(start + member.range.start..start + member.range.end),
            _ => return Err(twice("stream_options.include_usage")),
        };
    }
    Ok(options)
}

fn include_usage(options: Options, stream_end: usize) -> IncludeUsage {
    let (range, text) = match options {
        Options::Asked => return IncludeUsage::Asked,
        Options::Missing => (stream_end..stream_end, ",\"stream_options\":{\"include_usage\":true}"),
        Options::Null(range) => (range, "{\"include_usage\":true}"),
        Options::Without(at, false) => (at..at, "\"include_usage\":true"),
        Options::Without(at, true) => (at..at, "\"include_usage\":true,"),
        Options::Refused(range) => (range, "true"),
    };
    IncludeUsage::Inject(InsertAt { range, text })
}

fn twice(param: &'static str) -> LensError {
    LensError::of(param, format!("`{param}` is given more than once. Send it once."))
}
