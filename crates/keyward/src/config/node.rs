//! The config as a tree in which every value knows where it was written.

use std::fmt;
use std::sync::Arc;

/// Where something was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the config file; line and column count from 1.
    File {
        /// The file's name as the operator gave it.
        file: Arc<str>,
        /// Line.
        line: usize,
        /// Column, in characters.
        column: usize,
    },
    /// In an environment variable.
    Variable(Arc<str>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line, column } => write!(f, "{file}:{line}:{column}"),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// A value and its place.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub value: Value,
}

/// A scalar is kept as text: each field decides what its text means, so `no` stays a name where names are wanted.
#[derive(Debug, Clone)]
pub enum Value {
    /// Nothing was written after the colon.
    Empty,
    /// One piece of text.
    Scalar(String),
    /// A list.
    List(Vec<Node>),
    /// Fields in the order written.
    Map(Vec<Entry>),
}

/// One field of a map.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Where the name was written.
    pub place: Place,
    /// Its value.
    pub node: Node,
}

impl Value {
    /// What people call this sort of value.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Empty => "nothing",
            Self::Scalar(_) => "a single value",
            Self::List(_) => "a list",
            Self::Map(_) => "a group of fields",
        }
    }
}
