//! The end of the wizard: what to do next, ready to paste.

use std::net::SocketAddr;

use serde_json::Value;

use crate::cli::output::{Output, Tone};

/// A model that most accounts have, per provider, and whether it is spoken to in Anthropic's or Gemini's way.
const FIRST_CALLS: [(&str, &str, Surface); 3] = [
    ("openai", "gpt-4o-mini", Surface::OpenAi),
    ("anthropic", "claude-haiku-4-5", Surface::Anthropic),
    ("gemini", "gemini-2.5-flash", Surface::Gemini),
];

#[derive(Clone, Copy)]
enum Surface {
    OpenAi,
    Anthropic,
    Gemini,
}

/// Prints the first virtual key and a call to make with it.
pub fn print(output: Output, vkey: &str, token: &str, keys: &[Value], data: SocketAddr) {
    output.line(&format!("  The virtual key `{vkey}`, shown this once:"));
    output.line(&format!("    {}", output.paint(Tone::Strong, token)));
    let usable: Vec<&str> =
        keys.iter().filter(|key| key["state"] == "active").filter_map(|key| key["provider"].as_str()).collect();
    let first = FIRST_CALLS.iter().find(|(provider, ..)| usable.contains(provider));
    if usable.is_empty() && !keys.is_empty() {
        output.line("  No provider key is in use yet. What stood in the way is above; try again with:");
        output.line("    keyward key test --all");
    } else if usable.is_empty() {
        output.line("  No provider key is in use yet:");
        output.line(
            "    keyward key add openai                 reads the key from the terminal, tests it, puts it to use",
        );
        output.line(
            "    keyward key add sandbox --no-secret    the built-in provider: deterministic, no account, no network",
        );
    }
    output.line("  Then run it, and call it:");
    output.line("    keyward serve");
    let (provider, model, surface) = match (first, usable.first()) {
        (Some((provider, model, surface)), _) => (*provider, *model, *surface),
        (None, Some(other)) => (*other, "<model>", Surface::OpenAi),
        (None, None) => ("sandbox", "sandbox-small", Surface::OpenAi),
    };
    output.line(&curl(data, token, &format!("{provider}/{model}"), surface));
}

fn curl(data: SocketAddr, token: &str, model: &str, surface: Surface) -> String {
    let json = "-H 'content-type: application/json'";
    match surface {
        Surface::OpenAi => format!(
            "    curl http://{data}/v1/chat/completions -H 'authorization: Bearer {token}' {json} \\\n      \
             -d '{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'"
        ),
        Surface::Anthropic => format!(
            "    curl http://{data}/v1/messages -H 'x-api-key: {token}' -H 'anthropic-version: 2023-06-01' {json} \\\n      \
             -d '{{\"model\":\"{model}\",\"max_tokens\":64,\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'"
        ),
        Surface::Gemini => format!(
            "    curl http://{data}/v1beta/models/{}:generateContent -H 'x-goog-api-key: {token}' {json} \\\n      \
             -d '{{\"contents\":[{{\"parts\":[{{\"text\":\"Hello\"}}]}}]}}'",
            model.split_once('/').map_or(model, |(_, bare)| bare)
        ),
    }
}
