//! Prints what the hot path costs, in nanoseconds per call: `cargo run --release -p keyward-dialect --example hot`. With a
//! word behind it (`-- lens`) only those whose name has it.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use keyward_dialect::lens;
use keyward_dialect::splice::Edits;
use keyward_dialect::tee::{Meter, Shape};
use keyward_domain::dialect::{Dialect, Operation};

fn main() {
    lens_costs();
    affinity_costs();
    splice_costs();
    answer_costs();
    event_costs();
}

fn lens_costs() {
    let plain = plain();
    let large = large();
    let nested = large.replace("\"role\":\"assistant\"", "\"role\":\"assistant\",\"model\":\"x\"");
    for (name, body, limit) in [
        ("lens: chat request", plain.as_bytes(), 300),
        ("lens: large request", large.as_bytes(), 12_000),
        ("lens: large request, a model nested in it", nested.as_bytes(), 0),
    ] {
        report(name, body.len(), limit, || lens::look(Dialect::OpenAi, Operation::Chat, black_box(body)));
    }
    report("lens: large request checked in full", large.len(), 0, || {
        lens::look_whole(Dialect::OpenAi, Operation::Chat, black_box(large.as_bytes()))
    });
}

/// Conversations that refer to what one account has, or begin with a long system part.
fn affinity_costs() {
    let reasoning = format!(
        "{{\"type\":\"reasoning\",\"id\":\"rs_0123456789\",\"summary\":[],\"encrypted_content\":\"{}\"}}",
        "gAAAAABo".repeat(200)
    );
    let call = "{\"type\":\"function_call\",\"call_id\":\"call_1\",\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}";
    let items = vec![format!("{reasoning},{call}"); 60].join(",");
    let responses = format!(
        "{{\"model\":\"m\",\"instructions\":\"{}\",\"input\":[{{\"role\":\"user\",\"content\":\"{ASK}\"}},{items}],\"stream\":true}}",
        ASK.repeat(100)
    );
    report("lens: responses with encrypted reasoning", responses.len(), 0, || {
        lens::look(Dialect::OpenAi, Operation::Responses, black_box(responses.as_bytes()))
    });
    let messages = format!(
        "{{\"model\":\"m\",\"max_tokens\":9,\"system\":\"{}\",\"messages\":[{{\"role\":\"user\",\"content\":\"{ASK}\"}}]}}",
        ASK.repeat(1000)
    );
    report("lens: messages behind a long system prompt", messages.len(), 0, || {
        lens::look(Dialect::Anthropic, Operation::Messages, black_box(messages.as_bytes()))
    });
}

fn splice_costs() {
    let body = Bytes::from(plain());
    let facts = lens::look(Dialect::OpenAi, Operation::Chat, &body).expect("a valid request");
    report("splice: another model name", body.len(), 0, || {
        let mut edits = Edits::none();
        edits.replace_model(&facts, "gpt-4o-mini-2024-07-18");
        edits.apply(black_box(body.clone()))
    });
}

fn answer_costs() {
    let answer = Bytes::from(answer());
    report("tee: JSON answer, fed and metered", answer.len(), 500, || {
        let mut meter = Meter::new(Dialect::OpenAi, Operation::Chat, Shape::Json, false);
        let fed = meter.feed(black_box(answer.clone()));
        meter.end();
        (fed, meter.metered())
    });
    let floats: Vec<String> = (0..3072).map(|n| format!("-0.0{n:07}")).collect();
    let vector = format!("{{\"object\":\"embedding\",\"index\":0,\"embedding\":[{}]}}", floats.join(","));
    let embeddings = format!(
        "{{\"object\":\"list\",\"data\":[{}],\"model\":\"e\",\"usage\":{{\"prompt_tokens\":9,\"total_tokens\":9}}}}",
        vec![vector; 64].join(",")
    );
    let embeddings = Bytes::from(embeddings);
    report("tee: embeddings", embeddings.len(), 0, || {
        let mut meter = Meter::new(Dialect::OpenAi, Operation::Embed, Shape::Json, false);
        meter.feed(black_box(embeddings.clone()));
        meter.metered()
    });
}

fn event_costs() {
    let chat = |delta: &str, tail: &str| {
        format!(
            "data: {{\"id\":\"chatcmpl-BkT7u2wVq3mZr9Xy4Lp6Ns8Dh0Gf\",\"object\":\"chat.completion.chunk\",\"created\":1750000000,\
             \"model\":\"gpt-4o-mini-2024-07-18\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_34a54ae93c\",\
             \"choices\":[{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\"finish_reason\":null}}]{tail}}}\n\n"
        )
    };
    let event = chat("{\"content\":\" gateway\"}", "");
    stream_cost("tee: chat event", Operation::Chat, Dialect::OpenAi, false, &event, 60);
    let padded = chat("{\"content\":\" gateway\"}", ",\"obfuscation\":\"9fTq2LmV\"");
    stream_cost("tee: chat event with padding", Operation::Chat, Dialect::OpenAi, false, &padded, 60);
    let null = chat("{\"content\":\" gateway\"}", ",\"usage\":null");
    stream_cost("tee: chat event, hidden usage", Operation::Chat, Dialect::OpenAi, true, &null, 0);
    let messages = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\
                    \"delta\":{\"type\":\"text_delta\",\"text\":\" gateway\"}}\n\n";
    stream_cost("tee: messages event", Operation::Messages, Dialect::Anthropic, false, messages, 60);
    let responses = "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\
                     \"sequence_number\":12,\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\
                     \"delta\":\" gateway\",\"logprobs\":[],\"obfuscation\":\"xyz\"}\n\n";
    stream_cost("tee: responses event", Operation::Responses, Dialect::OpenAi, false, responses, 60);
    let gemini = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\" gateway\"}],\"role\":\"model\"},\"index\":0}],\
                  \"usageMetadata\":{\"promptTokenCount\":25,\"candidatesTokenCount\":4,\"totalTokenCount\":29},\
                  \"modelVersion\":\"gemini-x\"}\n\n";
    stream_cost("tee: gemini event (has usage)", Operation::Generate, Dialect::Gemini, false, gemini, 0);
    report("tee: a new meter", 0, 0, || Meter::new(Dialect::OpenAi, Operation::Chat, Shape::Sse, false));
}

fn stream_cost(name: &str, operation: Operation, dialect: Dialect, hide: bool, event: &str, limit: u128) {
    let mut meter = Meter::new(dialect, operation, Shape::Sse, hide);
    let event = Bytes::from(event.to_owned());
    report(name, event.len(), limit, || meter.feed(black_box(event.clone())));
}

/// The best of several rounds: what the code costs when nothing disturbs it.
fn report<T>(name: &str, bytes: usize, limit: u128, mut run: impl FnMut() -> T) {
    if !std::env::args().nth(1).is_none_or(|word| name.contains(&word)) {
        return;
    }
    let mut calls: u32 = 1;
    let mut best = Duration::MAX;
    for _ in 0..120 {
        loop {
            let begin = Instant::now();
            for _ in 0..calls {
                black_box(run());
            }
            let took = begin.elapsed();
            if took > Duration::from_millis(1) {
                best = best.min(took / calls);
                break;
            }
            calls *= 2;
        }
    }
    let verdict = match limit {
        0 => String::new(),
        limit if best.as_nanos() <= limit => format!("  (limit {limit})"),
        limit => format!("  (limit {limit}, MISSED)"),
    };
    println!("{name:<48} {bytes:>8} B {:>9} ns{verdict}", best.as_nanos());
}

const SYSTEM: &str =
    "{\"role\":\"system\",\"content\":\"You are a helpful assistant. Answer briefly and to the point.\"}";
const ASK: &str = "Explain in one or two sentences what a reverse proxy does with a request it cannot serve itself.";

fn plain() -> String {
    format!(
        "{{\"model\":\"gpt-4o-mini\",\"messages\":[{SYSTEM},{{\"role\":\"user\",\"content\":\"{ASK}\"}}],\"temperature\":0.7}}"
    )
}

/// Fifty turns of 2 KB with quotes, newlines and non-ASCII text, as real prompts have.
fn large() -> String {
    let sentence = "He said: \\\"copy the bytes, do not read them.\\\" Then a newline\\nand a tab\\tand an em dash \u{2014} caf\u{e9}. ";
    let turn = sentence.repeat(22);
    let mut body = format!("{{\"model\":\"gpt-4o-mini\",\"messages\":[{SYSTEM}");
    for _ in 0..25 {
        let _ = write!(
            body,
            ",{{\"role\":\"user\",\"content\":\"{turn}\"}},{{\"role\":\"assistant\",\"content\":\"{turn}\"}}"
        );
    }
    let _ = write!(body, ",{{\"role\":\"user\",\"content\":\"{ASK}\"}}],\"temperature\":0.7}}");
    body
}

fn answer() -> String {
    format!(
        "{{\"id\":\"chatcmpl-BkT7u2wVq3mZr9Xy4Lp6Ns8Dh0Gf\",\"object\":\"chat.completion\",\"created\":1750000000,\
         \"model\":\"gpt-4o-mini-2024-07-18\",\"choices\":[{{\"index\":0,\"message\":{{\"role\":\"assistant\",\
         \"content\":\"{ASK} {}\",\"refusal\":null}},\"logprobs\":null,\"finish_reason\":\"stop\"}}],\
         \"usage\":{{\"prompt_tokens\":25,\"completion_tokens\":40,\"total_tokens\":65,\
         \"prompt_tokens_details\":{{\"cached_tokens\":0}},\"completion_tokens_details\":{{\"reasoning_tokens\":0}}}},\
         \"system_fingerprint\":\"fp_34a54ae93c\"}}",
        &ASK[..52]
    )
}
