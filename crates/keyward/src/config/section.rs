//! Reading fields: names are checked when a section is opened, values when a field is taken. Whatever is wrong goes
//! into the report and reading goes on, so that one run tells everything.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;

use keyward_admin::field::Whole;
use keyward_domain::origin::{BaseUrl, Scheme};

use super::node::{Entry, Node, Value};
use super::problem::Report;

/// The names that a section has.
pub struct Names {
    /// Fields that act.
    pub known: &'static [&'static str],
    /// Fields of the same name in later versions: refused, because ignoring them would be a lie.
    pub later: &'static [&'static str],
}

/// A group of fields.
pub struct Section<'a> {
    entries: &'a [Entry],
    path: String,
    report: &'a Report,
}

/// One field that was written.
pub struct Field<'a> {
    /// Its value.
    pub node: &'a Node,
    /// Its path with dots.
    pub path: String,
    report: &'a Report,
}

impl<'a> Section<'a> {
    /// The root of the file.
    pub fn root(node: &'a Node, names: &Names, report: &'a Report) -> Self {
        Field::root(node, report).section(names)
    }

    /// The field, when it was written and is not empty.
    pub fn field(&self, name: &str) -> Option<Field<'a>> {
        let entry = self.entries.iter().find(|entry| entry.name == name)?;
        let empty = matches!(entry.node.value, Value::Empty);
        (!empty).then(|| Field { node: &entry.node, path: self.join(name), report: self.report })
    }

    /// A group of fields inside this one; an absent group has no fields.
    pub fn section(&self, name: &str, names: &Names) -> Self {
        match self.field(name) {
            Some(field) => field.section(names),
            None => Self { entries: &[], path: self.join(name), report: self.report },
        }
    }

    /// Where the problems go.
    pub const fn report(&self) -> &'a Report {
        self.report
    }

    fn join(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn check_names(&self, names: &Names) {
        for entry in self.entries {
            let name = entry.name.as_str();
            if names.known.contains(&name) {
                continue;
            }
            let what = if names.later.contains(&name) {
                "is not supported in this version: remove it".to_owned()
            } else {
                unknown(name, names.known)
            };
            self.report.add(&entry.place, &self.join(name), what);
        }
    }
}

impl<'a> Field<'a> {
    /// The whole file as one value.
    pub fn root(node: &'a Node, report: &'a Report) -> Self {
        Field { node, path: String::new(), report }
    }

    /// Notes that something is wrong with this field.
    pub fn wrong(&self, what: impl Into<String>) {
        self.report.add(&self.node.place, &self.path, what);
    }

    /// The value as a group of fields with these names.
    pub fn section(self, names: &Names) -> Section<'a> {
        let entries = self.entries();
        let section = Section { entries, path: self.path, report: self.report };
        section.check_names(names);
        section
    }

    /// The value as a map whose names the operator chooses.
    pub fn entries(&self) -> &'a [Entry] {
        match &self.node.value {
            Value::Map(entries) => entries,
            Value::Empty => &[],
            other => {
                self.wrong(format!("takes a group of fields, not {}", other.kind()));
                &[]
            }
        }
    }

    /// A field of [`Self::entries`].
    pub fn child(&self, entry: &'a Entry) -> Field<'a> {
        let path = if self.path.is_empty() { entry.name.clone() } else { format!("{}.{}", self.path, entry.name) };
        Field { node: &entry.node, path, report: self.report }
    }

    /// The value as a list.
    pub fn items(&self) -> Vec<Field<'a>> {
        match &self.node.value {
            Value::List(items) => (0..)
                .zip(items)
                .map(|(index, node): (usize, _)| Field {
                    node,
                    path: format!("{}[{index}]", self.path),
                    report: self.report,
                })
                .collect(),
            Value::Empty => Vec::new(),
            other => {
                self.wrong(format!("takes a list, not {}", other.kind()));
                Vec::new()
            }
        }
    }

    /// The value as text.
    pub fn text(&self) -> Option<&'a str> {
        match &self.node.value {
            Value::Scalar(text) => Some(text),
            other => {
                self.wrong(format!("takes a single value, not {}", other.kind()));
                None
            }
        }
    }

    /// The value as `true` or `false`.
    pub fn boolean(&self) -> Option<bool> {
        self.word(&[("true", true), ("false", false)])
    }

    /// The value as one of these words.
    pub fn word<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.wrong(format!("takes {}, not `{}`{}", one_of(&names), shown(text), did_you_mean(text, &names)));
        }
        found
    }

    /// The value as a whole number in this range.
    pub fn number(&self, range: RangeInclusive<u64>) -> Option<u64> {
        let text = self.text()?;
        let number = text.replace('_', "").parse().ok().filter(|number| range.contains(number));
        if number.is_none() {
            let (least, most) = (range.start(), range.end());
            self.wrong(format!("takes a whole number from {least} to {most}, not `{}`", shown(text)));
        }
        number
    }

    /// The value as anything that can be made of its text. The rule that it breaks is told, not the text itself: it may
    /// be a secret in the wrong place.
    pub fn parsed<T: FromStr<Err = &'static str>>(&self) -> Option<T> {
        self.text()?.parse().map_err(|rule| self.wrong(rule)).ok()
    }

    /// The value as a whole number of this kind.
    pub fn whole<T: TryFrom<u64>, const LEAST: u64, const MOST: u64>(&self) -> Option<Whole<T, LEAST, MOST>> {
        Whole::of(self.number(LEAST..=MOST)?)
    }

    /// The value as an amount of bytes: `33554432`, `32MiB`, `512KiB`.
    pub fn bytes(&self, range: RangeInclusive<u64>) -> Option<u64> {
        let text = self.text()?;
        let bytes = parse_bytes(text).filter(|bytes| range.contains(bytes));
        if bytes.is_none() {
            let (least, most) = (range.start(), range.end());
            self.wrong(format!(
                "takes a size such as `32MiB` or a number of bytes, from {least} to {most}, not `{}`",
                shown(text)
            ));
        }
        bytes
    }

    /// The value as a base URL. It is not repeated when it is wrong: it may hold a key.
    pub fn base_url(&self) -> Option<BaseUrl> {
        let parsed = self.text()?.parse::<BaseUrl>();
        parsed.map_err(|error| self.wrong(format!("is not a usable base URL: {}", error.reason))).ok()
    }

    /// The value as the base URL of a server that is spoken to over HTTP.
    pub fn http_url(&self) -> Option<BaseUrl> {
        let url = self.base_url()?;
        if url.origin.scheme == Scheme::Sandbox {
            self.wrong("is not a usable base URL: start it with https:// or http://");
            return None;
        }
        Some(url)
    }

    /// The value as address and port.
    pub fn address(&self) -> Option<SocketAddr> {
        let text = self.text()?;
        let address = text.replacen("localhost:", "127.0.0.1:", 1).parse().ok();
        if address.is_none() {
            self.wrong(format!("takes an address and a port such as `127.0.0.1:8700`, not `{}`", shown(text)));
        }
        address
    }
}

/// What to say about a name that nobody knows.
fn unknown(name: &str, known: &[&str]) -> String {
    let hint = did_you_mean(name, known);
    if hint.is_empty() {
        format!("is not a known field; known here: {}", known.join(", "))
    } else {
        format!("is not a known field{hint}")
    }
}

/// `; did you mean ...?` when a name is near enough.
pub fn did_you_mean(name: &str, known: &[&str]) -> String {
    let name = name.to_ascii_lowercase();
    let near = known.iter().map(|known| (strsim::damerau_levenshtein(&name, known), known)).min();
    match near {
        Some((distance, known)) if distance <= 1 + name.chars().count() / 4 => format!("; did you mean `{known}`?"),
        _ => String::new(),
    }
}

fn one_of(words: &[&str]) -> String {
    match words {
        [] => "nothing".to_owned(),
        [only] => format!("only `{only}`"),
        [rest @ .., last] => {
            let rest: Vec<String> = rest.iter().map(|word| format!("`{word}`")).collect();
            format!("{} or `{last}`", rest.join(", "))
        }
    }
}

/// A value cut to a length that fits on a line.
fn shown(text: &str) -> String {
    const LONGEST_SHOWN: usize = 48;
    let cut: String = text.chars().filter(|c| !c.is_control()).take(LONGEST_SHOWN).collect();
    if cut.len() < text.len() { format!("{cut}...") } else { cut }
}

fn parse_bytes(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 3] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
    let unit = UNITS.iter().find_map(|(suffix, size)| Some((text.strip_suffix(suffix)?, *size)));
    let (digits, size) = unit.unwrap_or((text, 1));
    digits.trim_end().replace('_', "").parse::<u64>().ok()?.checked_mul(size)
}
