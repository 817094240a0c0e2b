//! YAML text -> tree. A small and safe part of YAML: maps, lists and scalars; no aliases (they can make a short file
//! endlessly long), no tags, one document, no field twice.

use std::borrow::Cow;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput, Tag};

use super::node::{Entry, Node, Place, Value};
use super::problem::Problem;

/// The largest config that is read, in bytes.
pub const MAX_CONFIG_BYTES: u64 = 1024 * 1024;
/// How deep values may lie inside one another.
const MAX_DEPTH: usize = 16;

/// The tree of this text; an empty text gives [`Value::Empty`].
pub fn parse(text: &str, file: &Arc<str>) -> Result<Node, Problem> {
    let mut reader = Reader { events: Parser::new_from_str(text), file: Arc::clone(file) };
    reader.document()
}

struct Reader<'t> {
    events: Parser<'t, StrInput<'t>>,
    file: Arc<str>,
}

impl<'t> Reader<'t> {
    fn document(&mut self) -> Result<Node, Problem> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::Nothing | Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd => {}
                _ if root.is_some() => {
                    return Err(self.problem(span.start, "a second document begins here: keep everything in one"));
                }
                event => root = Some(self.node(event, span, 0)?),
            }
        }
        Ok(root.unwrap_or_else(|| Node { place: self.place(Marker::new(0, 1, 0)), value: Value::Empty }))
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, Problem> {
        if depth > MAX_DEPTH {
            return Err(self.problem(span.start, "values lie too deep inside one another"));
        }
        let value = match event {
            Event::Scalar(text, style, _, tag) => {
                self.refuse_tag(tag.as_ref(), span)?;
                scalar(text, style)
            }
            Event::SequenceStart(_, tag) => {
                self.refuse_tag(tag.as_ref(), span)?;
                Value::List(self.list(depth)?)
            }
            Event::MappingStart(_, tag) => {
                self.refuse_tag(tag.as_ref(), span)?;
                Value::Map(self.map(depth)?)
            }
            Event::Alias(_) => {
                return Err(self.problem(span.start, "aliases (`*name`) are not supported: write the value out"));
            }
            _ => return Err(self.problem(span.start, "a value is missing here")),
        };
        Ok(Node { place: self.place(span.start), value })
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, Problem> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Vec<Entry>, Problem> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let name = match event {
                Event::MappingEnd => return Ok(entries),
                Event::Scalar(text, ..) => text.into_owned(),
                _ => return Err(self.problem(span.start, "a field name must be plain text")),
            };
            let place = self.place(span.start);
            if let Some(first) = entries.iter().find(|entry| entry.name == name) {
                let what = format!("is given twice; the first is at {}: keep one", first.place);
                return Err(Problem { place: Some(place), field: name, what });
            }
            let (event, span) = self.next()?;
            let node = self.node(event, span, depth + 1)?;
            entries.push(Entry { name, place, node });
        }
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), Problem> {
        match self.events.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => {
                Err(self.problem(*error.marker(), &format!("this is not valid YAML: {}", error.info())))
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn refuse_tag(&self, tag: Option<&Cow<'_, Tag>>, span: Span) -> Result<(), Problem> {
        match tag {
            None => Ok(()),
            Some(_) => Err(self.problem(span.start, "tags (`!name`) are not supported: leave it out")),
        }
    }

    fn place(&self, marker: Marker) -> Place {
        Place::File { file: Arc::clone(&self.file), line: marker.line(), column: marker.col() + 1 }
    }

    fn problem(&self, marker: Marker, what: &str) -> Problem {
        Problem { place: Some(self.place(marker)), field: String::new(), what: what.to_owned() }
    }
}

fn scalar(text: Cow<'_, str>, style: ScalarStyle) -> Value {
    match (style, text.as_ref()) {
        (ScalarStyle::Plain, "" | "~" | "null") => Value::Empty,
        _ => Value::Scalar(text.into_owned()),
    }
}
