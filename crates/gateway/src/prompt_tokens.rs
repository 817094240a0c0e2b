//! Counting the tokens of prompts, away from the event loops.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use keyward_dialect::extent;
use keyward_domain::dialect::Operation;
use keyward_domain::port::Tokenizer;
use keyward_domain::vocabulary::Vocabulary;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// Longer requests are not counted, in bytes: up to here the worst of texts takes a fifth of a second.
const LONGEST: usize = 256 * 1024;
/// Requests that are counted at once, over all event loops: whatever comes in, one core counts, the others serve.
const AT_ONCE: usize = 1;
/// Requests that wait to be counted; for further ones their length has to do.
const IN_LINE: usize = 64;
/// How long a request waits for its turn to be counted.
const PATIENCE: Duration = Duration::from_millis(500);

/// Counts prompts, a few at a time.
pub(crate) struct PromptTokens {
    tokenizer: Option<Arc<dyn Tokenizer>>,
    places: Arc<Semaphore>,
    line: Semaphore,
}

impl PromptTokens {
    /// With this tokenizer; without one nothing is ever counted.
    pub(crate) fn new(tokenizer: Option<Arc<dyn Tokenizer>>) -> Self {
        Self { tokenizer, places: Arc::new(Semaphore::new(AT_ONCE)), line: Semaphore::new(IN_LINE) }
    }

    /// At most so many tokens has the prompt of a request whose length bounds it. `None` when nobody can say better than
    /// the length does, or when too much is being counted.
    pub(crate) async fn count(&self, vocabulary: Vocabulary, operation: Operation, body: &Bytes) -> Option<u64> {
        let tokenizer = Arc::clone(self.tokenizer.as_ref().filter(|_| body.len() <= LONGEST)?);
        let place = self.place().await?;
        let body = body.clone();
        let counting = spawn_blocking(move || {
            // Given back when the counting is over, even if nobody waits for it any more.
            let _place = place;
            extent::counted(operation, &body, &|text| tokenizer.count(vocabulary, text))
        });
        counting.await.ok().flatten()
    }

    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        let _waits = self.line.try_acquire().ok()?;
        timeout(PATIENCE, Arc::clone(&self.places).acquire_owned()).await.ok()?.ok()
    }
}

impl fmt::Debug for PromptTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PromptTokens").finish_non_exhaustive()
    }
}
