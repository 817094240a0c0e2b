//! A form that arrives in pieces, read line by line.

use memchr::memchr;

use crate::lens::{MAX_CANDIDATES, MAX_MODEL, forbidden};

use super::disposition::parameter;
use super::{Field, Found, MAX_FIELD, MAX_PART_HEADER, MAX_PART_HEADERS, MAX_PARTS};

const LINES: &str = "The form has lines that do not end with CR LF. Send a standard multipart/form-data body.";
const BROKEN: &str =
    "The form is broken: what follows a boundary is no part. Send a standard multipart/form-data body.";
const HEADER: &str =
    "A part of the form has headers that cannot be read. Give each part one Content-Disposition with one name.";
const CUT: &str = "The form ended in the middle of a part.";

/// A form, fed piece by piece. Each byte is looked at once.
#[derive(Debug)]
pub struct Form {
    /// Two hyphens and the boundary.
    delimiter: Vec<u8>,
    place: Place,
    /// The line that goes on, as far as it matters.
    line: Vec<u8>,
    /// Where that line began.
    line_start: usize,
    /// Whether the line before it ended with CR LF.
    after_crlf: bool,
    /// The last byte before the line feed that may come.
    last: u8,
    /// How much has been fed.
    fed: usize,
    parts: usize,
    part: Part,
    seen: Vec<&'static str>,
    found: Found,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the first boundary.
    Begin,
    Headers,
    Body,
    End,
}

/// The part that goes by.
#[derive(Debug, Default)]
struct Part {
    headers: usize,
    /// The name, when it is one of ours.
    name: Option<&'static str>,
    disposed: bool,
    body_start: usize,
    value: Vec<u8>,
}

impl Form {
    /// For a body of this content type.
    pub fn new(content_type: &str) -> Result<Self, &'static str> {
        let boundary = parameter(content_type, "boundary").ok().flatten().unwrap_or_default();
        let allowed = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
        if boundary.is_empty() || boundary.len() > 70 || !boundary.bytes().all(allowed) {
            return Err("The Content-Type names no valid boundary. Let your HTTP library set it.");
        }
        Ok(Self {
            delimiter: [b"--", boundary.as_bytes()].concat(),
            place: Place::Begin,
            line: Vec::new(),
            line_start: 0,
            after_crlf: true,
            last: 0,
            fed: 0,
            parts: 0,
            part: Part::default(),
            seen: Vec::new(),
            found: Found {
                model: None,
                stream: false,
                candidates: 1,
                image_size: None,
                image_quality: None,
                forbidden: None,
                complete: false,
            },
        })
    }

    /// The next piece.
    pub fn feed(&mut self, piece: &[u8]) -> Result<(), &'static str> {
        let mut rest = piece;
        while !rest.is_empty() && self.place != Place::End {
            let end = memchr(b'\n', rest);
            let (part, behind) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
            self.fed += part.len();
            self.keep(part)?;
            let text = if end.is_some() { part.split_last().map_or(part, |(_, text)| text) } else { part };
            self.last = text.last().copied().unwrap_or(self.last);
            if end.is_some() {
                self.close_line()?;
                self.after_crlf = std::mem::take(&mut self.last) == b'\r';
                self.line.clear();
                self.line_start = self.fed;
            }
            rest = behind;
        }
        Ok(())
    }

    /// There is no more: the form has to be whole.
    pub fn end(&mut self) -> Result<(), &'static str> {
        // The last boundary needs no line end.
        if self.place == Place::Body && self.after_crlf && self.line == [&self.delimiter, b"--".as_slice()].concat() {
            self.close_part()?;
            self.place = Place::End;
        }
        self.found.complete = self.place == Place::End;
        if self.found.complete { Ok(()) } else { Err(CUT) }
    }

    /// What is known, once the model is or cannot come any more.
    pub fn found(&self) -> Option<Found> {
        let found = Found { complete: self.place == Place::End, ..self.found.clone() };
        (found.complete || found.model.is_some()).then_some(found)
    }

    /// Keeps as much of the line as may matter.
    fn keep(&mut self, part: &[u8]) -> Result<(), &'static str> {
        let limit = match self.place {
            Place::Headers => MAX_PART_HEADER,
            Place::Begin | Place::Body | Place::End => self.delimiter.len() + 8,
        };
        if self.place == Place::Headers && self.line.len() + part.len() > limit {
            return Err("A part of the form has a header that is too long.");
        }
        let room = limit.saturating_sub(self.line.len());
        self.line.extend(part.iter().take(room));
        if self.place == Place::Body && self.part.name.is_some() {
            let most = MAX_FIELD + self.delimiter.len() + 8;
            if self.part.value.len() + part.len() > most {
                return Err("A field of the form is too long.");
            }
            self.part.value.extend_from_slice(part);
        }
        Ok(())
    }

    /// A line is whole.
    fn close_line(&mut self) -> Result<(), &'static str> {
        let line = std::mem::take(&mut self.line);
        match self.place {
            Place::Begin if line == b"\r\n" => {}
            Place::Begin | Place::Body if line.starts_with(&self.delimiter) => self.boundary(&line)?,
            Place::Begin => return Err(BROKEN),
            Place::Body | Place::End => {}
            Place::Headers => self.header(line.strip_suffix(b"\r\n").ok_or(LINES)?)?,
        }
        self.line = line;
        Ok(())
    }

    fn boundary(&mut self, line: &[u8]) -> Result<(), &'static str> {
        if !self.after_crlf {
            return Err(LINES);
        }
        let behind = line.get(self.delimiter.len()..).unwrap_or_default();
        if self.place == Place::Body {
            self.close_part()?;
        }
        if behind.starts_with(b"--") && self.parts > 0 {
            self.place = Place::End;
            return Ok(());
        }
        let padding = behind.strip_suffix(b"\r\n").ok_or(LINES)?;
        if !padding.iter().all(|byte| matches!(byte, b' ' | b'\t')) {
            return Err(BROKEN);
        }
        self.parts += 1;
        if self.parts > MAX_PARTS {
            return Err("The form has too many parts.");
        }
        self.part = Part::default();
        self.place = Place::Headers;
        Ok(())
    }

    fn header(&mut self, line: &[u8]) -> Result<(), &'static str> {
        if line.is_empty() {
            if !self.part.disposed {
                return Err(HEADER);
            }
            self.part.body_start = self.fed;
            self.place = Place::Body;
            return Ok(());
        }
        self.part.headers += 1;
        let line = std::str::from_utf8(line).map_err(|_| HEADER)?;
        let (name, value) = line.split_once(':').ok_or(HEADER)?;
        if self.part.headers > MAX_PART_HEADERS || line.starts_with([' ', '\t']) || line.contains('\r') {
            return Err(HEADER);
        }
        if name.trim().eq_ignore_ascii_case("content-transfer-encoding") {
            let plain = ["7bit", "8bit", "binary"].iter().any(|plain| value.trim().eq_ignore_ascii_case(plain));
            return if plain { Ok(()) } else { Err(HEADER) };
        }
        if name.trim().eq_ignore_ascii_case("content-disposition") {
            return self.disposition(value);
        }
        Ok(())
    }

    fn disposition(&mut self, value: &str) -> Result<(), &'static str> {
        let name = parameter(value, "name").ok().flatten().ok_or(HEADER)?;
        if std::mem::replace(&mut self.part.disposed, true) {
            return Err(HEADER);
        }
        if let Some(forbidden) = forbidden(name.as_bytes()) {
            self.found.forbidden.get_or_insert(forbidden);
        }
        let ours = ["model", "stream", "stream_format", "n", "size", "quality"];
        let Some(name) = ours.into_iter().find(|ours| *ours == name) else { return Ok(()) };
        if self.seen.contains(&name) {
            return Err("A field that may come only once (such as `model`) is given twice in the form.");
        }
        if parameter(value, "filename") != Ok(None) {
            return Err("A field of the form (such as `model`) is sent as a file. Send it as plain text.");
        }
        self.seen.push(name);
        self.part.name = Some(name);
        Ok(())
    }

    /// A part ends where the current line begins.
    fn close_part(&mut self) -> Result<(), &'static str> {
        let Some(name) = self.part.name.take() else { return Ok(()) };
        // The line end before the boundary belongs to the boundary.
        let range = self.part.body_start..self.line_start.saturating_sub(2).max(self.part.body_start);
        let value = self.part.value.get(..range.len()).unwrap_or_default();
        let text = std::str::from_utf8(value).map_err(|_| "A field of the form is not UTF-8.")?;
        if range.len() > MAX_FIELD {
            return Err("A field of the form is too long.");
        }
        match name {
            "model" => {
                if text.is_empty() || text.len() > MAX_MODEL || text.chars().any(char::is_control) {
                    return Err("The form field `model` has to name a model.");
                }
                self.found.model = Some(Field { range, text: text.into() });
            }
            "stream" => self.found.stream |= text.eq_ignore_ascii_case("true") || text == "1",
            "stream_format" => self.found.stream |= text == "sse",
            "n" => {
                let wanted = text.parse().ok().filter(|wanted| (1..=MAX_CANDIDATES).contains(wanted));
                self.found.candidates = wanted.ok_or("The form field `n` has to be a whole number from 1 to 128.")?;
            }
            "size" => self.found.image_size = Some(text.into()),
            _ => self.found.image_quality = Some(text.into()),
        }
        Ok(())
    }
}
