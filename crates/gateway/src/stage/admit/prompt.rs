//! The prompt of a call, when its length makes the call too dear: then its tokens are counted.

use bytes::Bytes;
use keyward_domain::dialect::Operation;
use keyward_domain::vocabulary::Vocabulary;

use super::most::Most;
use crate::snapshot::Deployment;
use crate::stage::read::Payload;
use crate::worker::Worker;

/// What bounds the cost of a call, and what may have to be counted for it.
pub(crate) struct Prompt<'a> {
    pub(crate) most: &'a mut Most,
    /// `None` when there is nothing to count: a form, or a lease.
    pub(crate) text: Option<Text<'a>>,
}

/// A request that is here as it is sent.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a> {
    operation: Operation,
    body: &'a Bytes,
}

impl Prompt<'_> {
    /// The vocabulary in which it may be counted for this target, and was not yet.
    pub(super) fn uncounted(&self, target: &Deployment) -> Option<Vocabulary> {
        if self.text.is_none() { None } else { self.most.uncounted(target) }
    }

    /// Counts it as the model of this target reads it. `false` when nothing better is known of it than before.
    pub(super) async fn count(&mut self, worker: &Worker, target: &Deployment) -> bool {
        let (Some(Text { operation, body }), Some(vocabulary)) = (self.text, self.uncounted(target)) else {
            return false;
        };
        match worker.shared.prompt_tokens.count(vocabulary, operation, body).await {
            Some(tokens) => self.most.count(vocabulary, tokens),
            None => false,
        }
    }
}

impl<'a> Text<'a> {
    /// Of a call; `None` when its body is not JSON.
    pub(crate) fn of(operation: Operation, payload: &'a Payload) -> Option<Self> {
        match payload {
            Payload::Json(body, _) => Some(Self { operation, body }),
            Payload::Nothing | Payload::Form(..) => None,
        }
    }
}
