//! Stream chunks of chat and completions, and where their usage goes.

use bytes::Bytes;

use super::super::bill::Usage;
use super::super::fault::UsageShape;
use super::super::sse;
use super::{CREATED, chat_usage};

/// Writes chunks that share everything but their choices.
#[derive(Debug, Clone)]
pub(super) struct Chunks {
    head: String,
    asked: bool,
    shape: UsageShape,
    usage: Usage,
}

impl Chunks {
    pub(super) fn new(id: &str, object: &str, model: &str, asked: bool, shape: UsageShape, usage: Usage) -> Self {
        let head = format!(
            "{{\"id\":\"{id}\",\"object\":\"{object}\",\"created\":{CREATED},\"model\":{},\"service_tier\":\"default\",\
             \"system_fingerprint\":\"fp_scripted\"",
            sse::quoted(model)
        );
        Self { head, asked, shape, usage }
    }

    /// A chunk with one choice, sent when `generated` tokens are out.
    pub(super) fn choice(&self, choice: &str, generated: u64) -> Bytes {
        let usage = match self.shape {
            UsageShape::Documented if self.asked => ",\"usage\":null".to_owned(),
            UsageShape::ThenEmpty => ",\"usage\":null".to_owned(),
            UsageShape::Cumulative => format!(",\"usage\":{}", chat_usage(&self.usage.cut_to(generated))),
            UsageShape::Placeholder => {
                ",\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":0,\"total_tokens\":0}".to_owned()
            }
            _ => String::new(),
        };
        sse::data(&format!("{},\"choices\":[{choice}]{usage}}}", self.head))
    }

    /// The chunk with the finish reason.
    pub(super) fn finish(&self, choice: &str) -> Bytes {
        if self.shape == UsageShape::OnFinish {
            let usage = chat_usage(&self.usage);
            return sse::data(&format!("{},\"choices\":[{choice}],\"usage\":{usage}}}", self.head));
        }
        self.choice(choice, self.usage.output)
    }

    /// What goes out before the first token besides the role.
    pub(super) fn early(&self) -> Vec<Bytes> {
        if self.shape == UsageShape::Early { vec![self.usage_chunk(&self.true_usage())] } else { Vec::new() }
    }

    /// What follows the finish reason, the end mark included.
    pub(super) fn closing(&self) -> Vec<Bytes> {
        let mut chunks = match self.shape {
            UsageShape::Documented if self.asked => vec![self.usage_chunk(&self.true_usage())],
            UsageShape::Placeholder | UsageShape::Cumulative => vec![self.usage_chunk(&self.true_usage())],
            UsageShape::ThenEmpty => {
                vec![self.usage_chunk(&self.true_usage()), self.usage_chunk("\"usage\":{}")]
            }
            UsageShape::Nested => {
                vec![self.usage_chunk(&format!("\"response\":{{{}}}", self.true_usage()))]
            }
            _ => Vec::new(),
        };
        chunks.push(sse::data("[DONE]"));
        if self.shape == UsageShape::Late {
            chunks.push(self.usage_chunk(&self.true_usage()));
        }
        chunks
    }

    fn true_usage(&self) -> String {
        format!("\"usage\":{}", chat_usage(&self.usage))
    }

    fn usage_chunk(&self, field: &str) -> Bytes {
        sse::data(&format!("{},\"choices\":[],{field}}}", self.head))
    }
}
