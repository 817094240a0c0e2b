//! What can be wrong with a request body.

use std::fmt;

use keyward_domain::denial::Denial;

use crate::json::{Flaw, FlawKind};

/// Why a body was refused: always the client's fault, status 400.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LensError {
    /// What is wrong and what to do, for the person who reads the client's log.
    pub message: String,
    /// The field to blame, when it is one.
    pub param: Option<&'static str>,
}

impl LensError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), param: None }
    }

    pub(crate) fn of(param: &'static str, message: impl Into<String>) -> Self {
        Self { message: message.into(), param: Some(param) }
    }
}

impl From<Flaw> for LensError {
    fn from(flaw: Flaw) -> Self {
        let at = flaw.at;
        Self::new(match flaw.kind {
            FlawKind::Syntax => format!("The request body is not valid JSON at byte {at}. Send a JSON object."),
            FlawKind::Depth => format!("The request body is nested too deeply at byte {at}. Send less than 64 levels."),
            FlawKind::Number => format!("The number at byte {at} of the request body is out of range."),
        })
    }
}

impl From<LensError> for Denial {
    fn from(error: LensError) -> Self {
        Self::InvalidRequest(error.message, error.param)
    }
}

impl fmt::Display for LensError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for LensError {}
