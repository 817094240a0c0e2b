//! The end of the wizard: what to do next, ready to paste.

use std::net::SocketAddr;

use keyward_domain::provider::ProviderKind;
use serde_json::Value;

use super::first_call::FirstCall;
use crate::cli::output::{Output, Tone};

/// What the end of the wizard is about.
pub struct Hello<'a> {
    /// The first virtual key's name.
    pub vkey: &'a str,
    /// Its token.
    pub token: &'a str,
    /// All provider keys, as the control plane shows them.
    pub keys: &'a [Value],
    /// A model that works; `None` when no key in use offers one.
    pub first: Option<&'a FirstCall>,
    /// Where clients connect.
    pub data: SocketAddr,
}

/// Prints the first virtual key and a call to make with it.
pub fn print(output: Output, hello: &Hello<'_>) {
    let Hello { vkey, token, data, .. } = hello;
    output.line(&format!("  The virtual key `{vkey}`, shown this once:"));
    output.line(&format!("    {}", output.paint(Tone::Strong, token)));
    if let Some(first) = hello.first {
        output.line("  Then run it, and call it:");
        output.line("    keyward serve");
        output.line(&curl(*data, token, first));
        return;
    }
    let any_active = hello.keys.iter().any(|key| key["state"] == "active");
    if any_active {
        output.line("  Then run it, and see which models your keys offer:");
    } else {
        add_a_key_first(output, hello.keys);
        output.line("  Then run it, and see which models that key offers:");
    }
    output.line("    keyward serve");
    output.line(&format!("    curl http://{data}/v1/models -H 'authorization: Bearer {token}'"));
}

/// No call can work before there is a key in use.
fn add_a_key_first(output: Output, keys: &[Value]) {
    if !keys.is_empty() {
        output.line(
            "  No provider key is in use yet, so no call can work. What stood in the way is above; try again with:",
        );
        output.line("    keyward key test --all");
        return;
    }
    output.line("  There is no provider key yet, so no call can work. Add one first:");
    output.line("    keyward key add openai                 reads the key from the terminal, tests it, puts it to use");
    output.line(
        "    keyward key add sandbox --no-secret    the built-in provider: deterministic, no account, no network",
    );
}

fn curl(data: SocketAddr, token: &str, first: &FirstCall) -> String {
    let json = "-H 'content-type: application/json'";
    let model = first.model.as_str();
    match first.kind {
        ProviderKind::OpenAi | ProviderKind::OpenAiCompatible | ProviderKind::Sandbox => format!(
            "    curl http://{data}/v1/chat/completions -H 'authorization: Bearer {token}' {json} \\\n      \
             -d '{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'"
        ),
        ProviderKind::Anthropic => format!(
            "    curl http://{data}/v1/messages -H 'x-api-key: {token}' -H 'anthropic-version: 2023-06-01' {json} \\\n      \
             -d '{{\"model\":\"{model}\",\"max_tokens\":64,\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'"
        ),
        ProviderKind::Gemini => format!(
            "    curl http://{data}/v1beta/models/{}:generateContent -H 'x-goog-api-key: {token}' {json} \\\n      \
             -d '{{\"contents\":[{{\"parts\":[{{\"text\":\"Hello\"}}]}}]}}'",
            model.split_once('/').map_or(model, |(_, bare)| bare)
        ),
    }
}
