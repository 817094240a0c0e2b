//! `.env` files: `NAME=value` lines, with quotes, comments and `export`. Nothing is expanded and nothing is executed.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use keyward_domain::secret::Secret;

use crate::error::SourceError;

/// Longer files are refused; a `.env` file is a page, not a database.
pub const MAX_DOT_ENV_BYTES: usize = 1024 * 1024;

/// A `.env` file that was read. Values are secrets until proved otherwise.
#[derive(Debug)]
pub struct DotEnv {
    /// Which file.
    pub path: PathBuf,
    /// Names and values, in the order of the file; a name may come twice.
    pub variables: Vec<(String, Secret)>,
    /// Lines, counted from 1, that are no assignment and were skipped.
    pub skipped: Vec<usize>,
}

impl DotEnv {
    /// Reads a file; `None` when there is none. Blocks for as long as the file system does.
    pub fn read(path: &Path) -> Result<Option<Self>, SourceError> {
        let refuse = |reason: String| SourceError::File { path: path.to_owned(), reason };
        let unread = |error: std::io::Error| refuse(format!("it could not be read: {error}"));
        match fs::metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unread(error)),
            Ok(facts) if !facts.is_file() => return Err(refuse("it is not a regular file".to_owned())),
            Ok(_) => {}
        }
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|file| file.take(MAX_DOT_ENV_BYTES as u64 + 1).read_to_end(&mut bytes));
        // Taken over before the outcome is looked at, so that it is wiped in any case.
        let whole = Secret::new(bytes);
        read.map_err(unread)?;
        if whole.len() > MAX_DOT_ENV_BYTES {
            return Err(refuse("it is longer than 1 MiB".to_owned()));
        }
        let text = std::str::from_utf8(whole.expose()).map_err(|_| refuse("it is not UTF-8 text".to_owned()))?;
        Ok(Some(Self::parse(path, text)))
    }

    /// Reads the text of a file.
    pub fn parse(path: &Path, text: &str) -> Self {
        let mut file = Self { path: path.to_owned(), variables: Vec::new(), skipped: Vec::new() };
        let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut line = 1;
        while !rest.is_empty() {
            let after = match statement(rest) {
                Statement::Assignment { name, value, after } => {
                    file.variables.push((name.to_owned(), Secret::from(value)));
                    after
                }
                Statement::Nothing { after } => after,
                Statement::Unclear { after } => {
                    file.skipped.push(line);
                    after
                }
            };
            line += rest.len().checked_sub(after.len()).and_then(|used| rest.get(..used)).map_or(0, line_breaks);
            rest = after;
        }
        file
    }
}

/// One statement: usually a line, more when a quoted value holds line breaks.
enum Statement<'a> {
    Assignment { name: &'a str, value: String, after: &'a str },
    Nothing { after: &'a str },
    Unclear { after: &'a str },
}

fn statement(text: &str) -> Statement<'_> {
    let (line, next) = split_line(text);
    let trimmed = line.trim_start();
    if trimmed.is_empty() || trimmed.starts_with('#') {
        return Statement::Nothing { after: next };
    }
    let unclear = Statement::Unclear { after: next };
    let Some((left, _)) = trimmed.split_once('=') else { return unclear };
    let name = left.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t'])).unwrap_or(left).trim();
    if !is_name(name) {
        return unclear;
    }
    // From the first `=` to the end of the text: a quoted value may go on over the next lines.
    let Some((_, rest)) = text.split_once('=') else { return unclear };
    let rest = rest.trim_start_matches([' ', '\t']);
    let read = match rest.chars().next() {
        Some('\'') => single_quoted(rest),
        Some('"') => double_quoted(rest),
        _ => Some(bare(rest)),
    };
    match read {
        Some((value, after)) => Statement::Assignment { name, value, after },
        None => unclear,
    }
}

/// Everything up to a comment or the end of the line, without white space around it.
fn bare(rest: &str) -> (String, &str) {
    let (line, next) = split_line(rest);
    let comment = line.char_indices().find(|(at, letter)| {
        *letter == '#' && (*at == 0 || line.get(..*at).is_some_and(|before| before.ends_with([' ', '\t'])))
    });
    let value = comment.and_then(|(at, _)| line.get(..at)).unwrap_or(line);
    (value.trim().to_owned(), next)
}

/// Everything up to the next single quote, as it stands.
fn single_quoted(rest: &str) -> Option<(String, &str)> {
    let (value, after) = rest.strip_prefix('\'')?.split_once('\'')?;
    Some((value.to_owned(), end_of_line(after)?))
}

/// Everything up to the next double quote that is not escaped.
fn double_quoted(rest: &str) -> Option<(String, &str)> {
    let body = rest.strip_prefix('"')?;
    // Room for the line, so that growing leaves no copy behind.
    let mut value = String::with_capacity(split_line(body).0.len());
    let mut letters = body.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, end_of_line(body.get(at + 1..)?)?)),
            '\\' => match letters.next()?.1 {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                known @ ('"' | '\\' | '$' | '\'') => value.push(known),
                other => value.extend(['\\', other]),
            },
            _ => value.push(letter),
        }
    }
    None
}

/// After a closing quote only white space or a comment may follow.
fn end_of_line(after: &str) -> Option<&str> {
    let (line, next) = split_line(after);
    let line = line.trim();
    (line.is_empty() || line.starts_with('#')).then_some(next)
}

/// The first line without its line break, and the rest.
fn split_line(text: &str) -> (&str, &str) {
    let (line, next) = text.split_once('\n').unwrap_or((text, ""));
    (line.strip_suffix('\r').unwrap_or(line), next)
}

fn line_breaks(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
}
