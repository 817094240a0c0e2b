//! D01: the same dialect in and out is byte-exact, but for the declared edits.

use std::io::{Read, Write};
use std::net::TcpStream;

use keyward_testkit::provider::{Fault, LineEnds};

use crate::house::House;

const CHAT: &str = r#"{ "model" : "gpt-4o-mini", "messages":[{"role":"user","content":"Grüße, \"quoted\" \u00e9 \n"}], "temperature": 0.70, "unknown_field":{"kept":[1, 2,3e0]} , "x":null}"#;

/// What the provider answers to these bytes when asked directly.
fn direct(house: &House, path: &str, auth: &str, body: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(house.provider.address()).unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\n{auth}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let at = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let chunked = String::from_utf8_lossy(&answer[..at]).to_ascii_lowercase().contains("transfer-encoding: chunked");
    if chunked { dechunk(&answer[at..]) } else { answer[at..].to_vec() }
}

fn dechunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|window| window == b"\r\n").unwrap();
        let length = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            return body;
        }
        body.extend_from_slice(&bytes[end + 2..end + 2 + length]);
        bytes = &bytes[end + 4 + length..];
    }
}

#[test]
fn d01_request_bytes_arrive_as_sent() {
    let house = House::open();
    let answer = house.client().post("/v1/chat/completions", CHAT);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = house.provider.requests().pop().unwrap();
    assert_eq!(seen.body, CHAT.as_bytes());
    assert_eq!(seen.target, "/openai/v1/chat/completions");
}

#[test]
fn d01_unknown_headers_pass_and_ours_do_not() {
    let mut house = House::open();
    house.key = house.add_key_with("tagging", |key| key.claims.tags = vec!["team-*".to_owned()]);
    let mut client = house
        .client()
        .header("x-unknown", "kept")
        .header("openai-beta", "assistants=v2")
        .header("x-keyward-tags", "team-a")
        .header("openai-organization", "org-of-the-client")
        .header("cookie", "session=1")
        .header("connection", "x-hop")
        .header("x-hop", "dropped")
        .header("accept-encoding", "gzip");
    client.post("/v1/chat/completions", CHAT);
    let seen = house.provider.requests().pop().unwrap();
    assert_eq!(seen.header("x-unknown"), Some("kept"));
    assert_eq!(seen.header("openai-beta"), Some("assistants=v2"));
    for gone in ["x-keyward-tags", "openai-organization", "cookie", "x-hop", "x-api-key"] {
        assert_eq!(seen.header(gone), None, "{gone}");
    }
    assert!(!seen.header("authorization").unwrap().contains(&house.key), "the virtual key stays here");
    assert!(seen.header("accept-encoding").is_none_or(|value| value == "identity"));
}

#[test]
fn d01_answers_equal_a_direct_call() {
    let house = House::open();
    house.provider.set_cache(false);
    let streamed = CHAT.replacen('{', r#"{"stream":true,"stream_options":{"include_usage":true},"#, 1);
    let secret = house.provider.add_key(keyward_testkit::provider::Vendor::OpenAi, "openai-1");
    let auth = format!("authorization: Bearer {secret}");
    for body in [CHAT, &streamed] {
        let expected = direct(&house, "/openai/v1/chat/completions", &auth, body);
        let answer = house.client().post("/v1/chat/completions", body);
        assert!(answer.complete);
        assert_eq!(String::from_utf8_lossy(&answer.body), String::from_utf8_lossy(&expected));
    }
}

#[test]
fn d01_injected_usage_is_kept_from_the_client() {
    let mut house = House::open();
    house.provider.set_cache(false);
    let streamed = CHAT.replacen('{', r#"{"stream":true,"#, 1);
    let secret = house.provider.add_key(keyward_testkit::provider::Vendor::OpenAi, "openai-1");
    let auth = format!("authorization: Bearer {secret}");
    let expected = direct(&house, "/openai/v1/chat/completions", &auth, &streamed);
    house.provider.forget();
    let answer = house.client().post("/v1/chat/completions", &streamed);
    assert_eq!(String::from_utf8_lossy(&answer.body), String::from_utf8_lossy(&expected));
    let sent = house.provider.requests().pop().unwrap().json();
    assert_eq!(sent["stream_options"]["include_usage"], true);
    let bill = house.provider.bill().pop().unwrap();
    let entry = house.entries().pop().unwrap();
    assert_eq!((entry.usage.prompt_tokens(), entry.usage.completion_tokens()), (bill.input(), bill.output));
    assert_eq!(entry.source.as_str(), "provider");
}

#[test]
fn d01_rechunked_streams_arrive_the_same() {
    let house = House::open();
    house.provider.set_cache(false);
    let body = r#"{"model":"claude-haiku-4-5","max_tokens":64,"stream":true,"messages":[{"role":"user","content":"Hello there"}]}"#;
    let secret = house.provider.add_key(keyward_testkit::provider::Vendor::Anthropic, "anthropic-1");
    let auth = format!("x-api-key: {secret}\r\nanthropic-version: 2023-06-01");
    for ends in [LineEnds::Lf, LineEnds::Crlf] {
        house.provider.script(Fault::answer().line_ends(ends));
        let expected = direct(&house, "/anthropic/v1/messages", &auth, body);
        for sizes in [vec![4096], vec![1], vec![3, 5, 7], vec![64]] {
            house.provider.script(Fault::answer().rechunk(sizes.clone()).line_ends(ends));
            let key = house.key.clone();
            let mut client = house.client().headers(&[("x-api-key", &*key), ("anthropic-version", "2023-06-01")]);
            let answer = client.post("/v1/messages", body);
            assert_eq!(answer.text(), String::from_utf8_lossy(&expected), "{sizes:?} {ends:?}");
        }
    }
}
