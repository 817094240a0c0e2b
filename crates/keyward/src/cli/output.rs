//! What a command prints: results on stdout, everything else on stderr. JSON when asked for, otherwise sentences and
//! tables for people, with colour only on a terminal.

use std::io::{self, IsTerminal as _, Write as _};

use serde_json::Value;

use super::failure::Failure;
use super::table::Table;

/// Where and how to print.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// Whether scripts read it.
    pub json: bool,
    /// Whether stdout shows colours.
    pub colour: bool,
}

/// A colour with a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Needs a look.
    Warning,
    /// Broken.
    Bad,
    /// Less important.
    Faint,
    /// A heading.
    Strong,
}

impl Output {
    /// Colour only on a terminal, and not when `NO_COLOR` or `TERM=dumb` forbid it.
    pub fn new(json: bool, no_colour: bool) -> Self {
        Self { json, colour: !json && !no_colour && io::stdout().is_terminal() }
    }

    /// Prints the value for scripts, or lets `people` print it.
    pub fn show(self, value: &Value, people: impl FnOnce(Self, &Value)) {
        if self.json { self.value(value) } else { people(self, value) }
    }

    /// Prints a value as JSON.
    #[expect(clippy::unused_self, reason = "all printing goes through an output")]
    pub fn value(self, value: &Value) {
        let text = serde_json::to_string_pretty(value).unwrap_or_default();
        write_stdout(&text);
    }

    /// Prints a line.
    #[expect(clippy::unused_self, reason = "all printing goes through an output")]
    pub fn line(self, text: &str) {
        write_stdout(&printable(text));
    }

    /// Prints a table, or the sentence when it has no rows.
    pub fn table(self, table: &Table, when_empty: &str) {
        if table.is_empty() { self.line(when_empty) } else { write_stdout(&table.render(self)) }
    }

    /// Prints names and values, aligned.
    pub fn fields(self, fields: &[(&str, String)]) {
        let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
            let name = format!("{name:width$}");
            self.line(&format!("  {}  {}", self.paint(Tone::Faint, &name), clean(value)));
        }
    }

    /// Tells something that is not the result: progress, hints. Goes to stderr and never into a pipe.
    #[expect(clippy::unused_self, reason = "all printing goes through an output")]
    pub fn note(self, text: &str) {
        let mut stderr = io::stderr().lock();
        // Nobody to tell is no reason to fail.
        let _ = writeln!(stderr, "{}", printable(text));
    }

    /// Tells why a command failed.
    pub fn failure(self, failure: &Failure) {
        if failure.message.is_empty() {
            return;
        }
        if self.json {
            let error = serde_json::json!({ "error": { "message": failure.message, "exit": failure.exit as u8 } });
            self.note(&error.to_string());
        } else {
            self.note(&format!("keyward: {}", failure.message));
        }
    }

    /// The text in the colour of its meaning, where colours are shown.
    pub fn paint(self, tone: Tone, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Warning => "33",
            Tone::Bad => "31",
            Tone::Faint => "2",
            Tone::Strong => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// A reader that went away (`keyward key list | head -1`) is no failure.
fn write_stdout(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}

/// Names can come from elsewhere; whatever could steer a terminal is taken out. Our own colours begin with `ESC [`.
fn printable(text: &str) -> String {
    text.chars().filter(|c| matches!(c, '\n' | '\t' | '\u{1b}') || !c.is_control()).collect()
}

/// Text from elsewhere without any control character, for use inside a coloured line.
pub fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// A truth value in words.
pub fn yes_no(value: &Value) -> String {
    if value.as_bool().unwrap_or(false) { "yes".to_owned() } else { "no".to_owned() }
}
