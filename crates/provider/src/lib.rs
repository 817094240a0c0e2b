//! Who we talk to. Everything that differs between providers is here, as data where it can be: where they are, how
//! they take the credential, which headers may pass, what their errors mean, how a key is proved for free.
//!
//! Pure: requests are prepared and answers judged, nothing is sent. The gateway and the control plane do the sending.
//!
//! One folder per vendor: its preset and its table of errors. A new vendor that speaks OpenAI's API is one line in
//! [`openai_compatible::PRESETS`]; a new wire format is a folder.

pub mod anthropic;
pub mod credential;
pub mod gemini;
pub mod headers;
pub mod judgement;
pub mod openai;
pub mod openai_compatible;
pub mod preset;
pub mod probe;
pub mod quota;
pub mod retry_after;
pub mod sandbox;
pub mod target;

pub use credential::{BadSecret, credential_header};
pub use headers::{inbound_headers, outbound_headers};
pub use judgement::{Asked, NotAnswered, in_band, judgement, not_answered};
pub use preset::{Preset, preset, presets};
pub use quota::quota;
pub use target::target;
