//! Bad input: a clear refusal, nothing sent, nothing left open; and bounded memory and metrics whatever comes.

use std::io::Read as _;

use keyward_domain::provider::ProviderKind;
use keyward_domain::virtual_key::Grant;
use keyward_testkit::provider::{Fault, Vendor};

use crate::house::House;

const PATH: &str = "/v1/chat/completions";

#[test]
fn bad_bodies_are_refused_by_name_and_cost_nothing() {
    let mut house = House::open();
    let deep = format!(r#"{{"model":"gpt-4o-mini","x":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    let cases = [
        ("", 400),
        ("[]", 400),
        ("{", 400),
        (r#"{"model":"gpt-4o-mini","messages":[]} trailing"#, 400),
        (r#"{"messages":[]}"#, 400),
        (r#"{"model":"","messages":[]}"#, 400),
        (r#"{"model":7,"messages":[]}"#, 400),
        (r#"{"model":"gpt-4o-mini","model":"gpt-4o","messages":[]}"#, 400),
        (r#"{"model":"gpt-4o-mini","stream":"yes"}"#, 400),
        (r#"{"model":"gpt-4o-mini","max_tokens":-1}"#, 400),
        (r#"{"model":"gpt-4o-mini","api_base":"http://evil.example"}"#, 400),
        (r#"{"model":"nobody-has-this"}"#, 404),
        (r#"{"model":"../gpt-4o"}"#, 404),
        (r#"{"model":"openai/../x"}"#, 404),
        (r#"{"model":"claude-haiku-4-5","messages":[]}"#, 400),
        (&deep, 400),
    ];
    for (body, status) in cases {
        let answer = house.client().post(PATH, body);
        assert_eq!(answer.status, status, "{}: {}", &body[..body.len().min(80)], answer.text());
        assert!(answer.json()["error"]["message"].as_str().unwrap().len() > 20, "says what to do");
    }
    assert_eq!(house.provider.requests_total(), 0);
    assert!(house.rows().iter().all(|row| row.attempts.is_empty()));
}

#[test]
fn bodies_beyond_the_limit_are_refused_at_once() {
    let house = House::with(|options| options.limits.json_body = 1000);
    let mut client = house.client();
    client.raw(
        format!(
            "POST {PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 1001\r\n\r\n",
            house.key
        )
        .as_bytes(),
    );
    let answer = client.head().finish();
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (413, Some("body_too_large")));
    let mut chunked = house.client();
    chunked.raw(format!("POST {PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ntransfer-encoding: chunked\r\n\r\n3e9\r\n{}\r\n", house.key, "x".repeat(1001)).as_bytes());
    assert_eq!(chunked.head().finish().status, 413);
}

#[test]
fn ambiguous_framing_is_refused_and_the_connection_closed() {
    let house = House::open();
    let auth = format!("authorization: Bearer {}", house.key);
    for framing in [
        "content-length: 5\r\ncontent-length: 6",
        "content-length: +5",
        "content-length: 5, 5, 6",
        "transfer-encoding: xchunked",
        "transfer-encoding: chunked, identity",
        "x: a\r\n folded: b",
        "bad header : x",
    ] {
        let mut client = house.client();
        client.raw(format!("POST {PATH} HTTP/1.1\r\nhost: x\r\n{auth}\r\n{framing}\r\n\r\nhello").as_bytes());
        let status = client.head().status;
        assert!(status == 400 || status == 0, "{framing}: {status}");
    }
    assert_eq!(house.provider.requests_total(), 0);
}

#[test]
fn compressed_bodies_are_refused() {
    let house = House::open();
    let answer = house.client().header("content-encoding", "gzip").post(PATH, "{}");
    assert_eq!(answer.status, 400, "{}", answer.text());
}

#[test]
fn d05_a_500_mib_upload_streams_through() {
    let house = House::with(|options| options.limits.upload_body = 1 << 30);
    let before = peak_rss();
    let head = "--edge\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--edge\r\n\
                content-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n";
    let tail = "\r\n--edge--\r\n";
    let total = 500_u64 << 20;
    let length = total + (head.len() + tail.len()) as u64;
    let mut client = house.client();
    client.raw(
        format!(
            "POST /v1/audio/transcriptions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
             content-type: multipart/form-data; boundary=edge\r\ncontent-length: {length}\r\n\r\n{head}",
            house.key
        )
        .as_bytes(),
    );
    let piece = vec![7_u8; 1 << 20];
    for _ in 0..(total >> 20) {
        client.raw(&piece);
    }
    client.raw(tail.as_bytes());
    let answer = client.head().finish();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(house.provider.requests()[0].body_len, length);
    let grown = peak_rss() - before;
    // The process holds the provider too; both together stay under the promise.
    assert!(grown < 16 << 20, "grew by {} KiB", grown >> 10);
}

#[test]
fn d05_a_million_token_stream_adds_no_memory() {
    let house = House::open();
    house.provider.script(Fault::answer().answer_tokens(1_000_000).tokens_per_frame(8));
    let mut client = house.client();
    let body = r#"{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"Hello"}]}"#;
    let mut begun = client.begin("POST", PATH, body.as_bytes());
    assert!(begun.piece().unwrap().is_ok());
    let before = peak_rss();
    let mut bytes = 0;
    while let Some(piece) = begun.piece() {
        bytes += piece.unwrap().len();
    }
    assert!(bytes > 10_000_000, "{bytes} bytes");
    let grown = peak_rss() - before;
    assert!(grown < 2 << 20, "grew by {} KiB", grown >> 10);
}

#[test]
fn o06_junk_names_do_not_become_metrics() {
    let mut house = House::open();
    house.add_provider("local", ProviderKind::OpenAiCompatible, &house.provider.pinned_url(Vendor::OpenAi), None);
    let secret = house.provider.add_key(Vendor::OpenAi, "local-1");
    house.add_credential("local", "local-1", &secret);
    house.publish();
    let mut client = house.client();
    for number in 0..5_000 {
        let answer = client.post(PATH, &format!(r#"{{"model":"local/junk-{number}","messages":[]}}"#));
        assert_ne!(answer.status, 0);
    }
    for number in 0..5_000 {
        client.post(PATH, &format!(r#"{{"model":"junk-{number}","messages":[]}}"#));
    }
    house.stop();
    let text = house.metrics.render();
    assert!(text.lines().count() < 15_000, "{} lines", text.lines().count());
    let began = std::time::Instant::now();
    let again = house.metrics.render();
    assert!(began.elapsed().as_millis() < 500 && again.len() == text.len());
    assert!(!text.contains("junk-4999"));
}

#[test]
fn a_grant_for_one_operation_refuses_the_others() {
    let house = House::open();
    let grant = Grant { operations: vec![keyward_domain::dialect::Operation::Embed], ..Grant::default() };
    let key = house.add_key("embeds", grant);
    let answer = house.client_with(&key).post(PATH, r#"{"model":"gpt-4o-mini","messages":[]}"#);
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (403, Some("operation_not_allowed")));
}

/// The most memory this process ever held, in bytes.
fn peak_rss() -> u64 {
    let mut status = String::new();
    std::fs::File::open("/proc/self/status").unwrap().read_to_string(&mut status).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}
