//! The built-in provider for trying things out and for testing one's own programs: deterministic, in all three
//! dialects, without key, network or clock. `docs/guides/sandbox.md` tells users what it can do.
//!
//! Pure: [`answer`] turns a request into a script of pieces and pauses; the gateway plays it over a connection inside the
//! process. The same question gets the same text and the same usage, streamed or not.

mod anthropic;
mod ask;
mod fault;
mod gemini;
mod instance;
mod knobs;
mod openai;
mod reply;
mod script;

use http::HeaderMap;
use keyward_domain::provider::ProviderKind;
use serde_json::Value;

use crate::preset::Preset;
use knobs::Knobs;
pub use script::{Pieces, Scripted};

/// How it is known here.
pub const PRESET: Preset = Preset {
    name: "sandbox",
    kind: ProviderKind::Sandbox,
    base_url: "sandbox://built-in",
    catalog: Some("sandbox"),
    needs_key: false,
    free: false,
};

/// The models that it lists. Any other name is served like `sandbox-small`, except [`MISSING_MODEL`].
pub const MODELS: &[&str] = &[
    "sandbox-small",
    "sandbox-large",
    "sandbox-echo",
    "sandbox-slow",
    "sandbox-embed",
    "sandbox-image",
    "sandbox-speech",
    "sandbox-audio",
    "sandbox-moderation",
];

/// The one model that does not exist, for those who want to see what that looks like.
pub const MISSING_MODEL: &str = "sandbox-missing";

/// The header that knobs can be put into, for calls whose body has no text.
pub const KNOB_HEADER: &str = "x-sandbox";

/// The moment in which everything here was created: 2026-11-20T00:00:00Z.
const CREATED: u64 = 1_795_132_800;
/// The same for Gemini and Anthropic.
const CREATED_TEXT: &str = "2026-11-20T00:00:00Z";

/// Answers a request. `path` is path and query, as the client sent them; surface prefixes are looked through.
pub fn answer(method: &str, path: &str, headers: &HeaderMap, body: &[u8]) -> Scripted {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let path = ["/openai", "/anthropic", "/gemini"].into_iter().find_map(|s| path.strip_prefix(s)).unwrap_or(path);
    let request = Request { method, path, query, headers, body };
    if let Some(rest) = gemini::rest(path, headers) {
        return gemini::answer(&request, rest);
    }
    let rest = path.strip_prefix("/v1").unwrap_or(path);
    if rest.starts_with("/messages") || (rest.starts_with("/models") && headers.contains_key("anthropic-version")) {
        return anthropic::answer(&request, rest);
    }
    openai::answer(&request, rest)
}

/// A request as it came.
struct Request<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    headers: &'a HeaderMap,
    body: &'a [u8],
}

impl Request<'_> {
    /// The body as JSON; the error is a sentence.
    fn json(&self) -> Result<Value, String> {
        let value: Value =
            serde_json::from_slice(self.body).map_err(|error| format!("The body is not JSON: {error}."))?;
        if value.is_object() { Ok(value) } else { Err("The body is not a JSON object.".to_owned()) }
    }

    /// What the header, the model's name and the text ask for; the later win.
    fn knobs(&self, model: &str, text: &str) -> Knobs {
        let header = self.headers.get(KNOB_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Knobs::of_model(model).and(Knobs::parse(header)).and(Knobs::in_text(text))
    }

    /// A stable number for ids.
    fn id(&self) -> String {
        // FNV-1a, 64 bits: any mixing does.
        let hash = self
            .path
            .bytes()
            .chain(self.body.iter().copied())
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        format!("sandbox{hash:016x}")
    }
}
