//! What is wrong with a config: where, what, and what to do. All problems are told at once.

use std::cell::RefCell;
use std::fmt;

use super::node::Place;

/// More problems than these are not listed.
const MAX_LISTED: usize = 20;

/// One thing that is wrong.
#[derive(Debug, Clone)]
pub struct Problem {
    /// Where; `None` when it is about something that is missing.
    pub place: Option<Place>,
    /// The field, as a path with dots; empty when it is about the file as a whole.
    pub field: String,
    /// What is wrong and what to write instead.
    pub what: String,
}

/// Everything that is wrong with a config. It changes nothing that runs.
#[derive(Debug)]
pub struct ConfigError {
    /// In the order found, never empty.
    pub problems: Vec<Problem>,
}

/// Collects problems while a config is checked.
#[derive(Debug, Default)]
pub struct Report(RefCell<Vec<Problem>>);

impl Report {
    /// Notes a problem.
    pub fn add(&self, place: &Place, field: &str, what: impl Into<String>) {
        let problem = Problem { place: Some(place.clone()), field: field.to_owned(), what: what.into() };
        self.0.borrow_mut().push(problem);
    }

    /// The value, unless something was wrong.
    pub fn verdict<T>(self, value: T) -> Result<T, ConfigError> {
        let problems = self.0.into_inner();
        if problems.is_empty() { Ok(value) } else { Err(ConfigError { problems }) }
    }
}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        if !self.field.is_empty() {
            write!(f, "`{}`: ", self.field)?;
        }
        f.write_str(&self.what)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().take(MAX_LISTED).enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        if self.problems.len() > MAX_LISTED {
            write!(f, "\nand {} more", self.problems.len() - MAX_LISTED)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
