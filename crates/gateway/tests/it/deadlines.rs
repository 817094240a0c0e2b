//! D06: four deadlines, each to 50 ms, and comments in long silences. Real time, because real sockets are what they
//! guard; every length is a few hundred milliseconds.

use std::time::{Duration, Instant};

use keyward_gateway::Options;
use keyward_testkit::provider::{DeafListener, Fault, Stall};

use crate::house::House;

const CHAT: &str = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello"}]}"#;
const STREAM: &str = r#"{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"Hello"}]}"#;
const TOLERANCE: Duration = Duration::from_millis(50);

fn assert_took(began: Instant, expected: Duration) {
    let took = began.elapsed();
    assert!(
        took + Duration::from_millis(5) >= expected && took <= expected + TOLERANCE,
        "took {took:?}, not {expected:?}"
    );
}

fn short(options: &mut Options) {
    options.attempts.max = 1;
    options.deadlines.connect = Duration::from_millis(300);
    options.deadlines.first_content = Duration::from_millis(400);
    options.deadlines.idle = Duration::from_millis(350);
    options.deadlines.total = Duration::from_secs(5);
}

#[test]
fn d06_connect() {
    let house = House::with(short);
    let deaf = DeafListener::open().unwrap();
    let address = deaf.address();
    house.add_provider(
        "full",
        keyward_domain::provider::ProviderKind::OpenAiCompatible,
        &format!("http://{address}/v1"),
        None,
    );
    house.add_credential("full", "full-1", &["not", "a", "key"].join("-"));
    house.publish();
    let mut client = house.client();
    let began = Instant::now();
    let answer = client.post("/v1/chat/completions", &CHAT.replace("gpt-4o-mini", "full/m"));
    assert_took(began, Duration::from_millis(300));
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (504, Some("upstream_timeout")));
    drop(deaf);
}

#[test]
fn d06_first_content() {
    let house = House::with(short);
    house.provider.script(Fault::answer().stall(Stall::BeforeHeaders));
    let mut client = house.client();
    let began = Instant::now();
    let answer = client.post("/v1/chat/completions", CHAT);
    assert_took(began, Duration::from_millis(400));
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (504, Some("upstream_timeout")));
    house.provider.release();
}

#[test]
fn d06_idle() {
    let house = House::with(short);
    house.provider.script(Fault::answer().answer_tokens(8).tokens_per_frame(1).stall(Stall::AfterTokens(3)));
    let mut client = house.client();
    let mut begun = client.begin("POST", "/v1/chat/completions", STREAM.as_bytes());
    assert_eq!(begun.status, 200);
    let mut last_piece = Instant::now();
    let mut text = String::new();
    while let Some(piece) = begun.piece() {
        let piece = String::from_utf8(piece.unwrap()).unwrap();
        if !piece.contains("upstream_timeout") {
            last_piece = Instant::now();
        }
        text.push_str(&piece);
    }
    assert_took(last_piece, Duration::from_millis(350));
    assert!(text.contains("upstream_timeout") && !text.contains("[DONE]"), "{text}");
    house.provider.release();
}

#[test]
fn d06_total() {
    let house = House::with(|options| {
        short(options);
        options.deadlines.total = Duration::from_millis(450);
        options.deadlines.first_content = Duration::from_secs(5);
        options.deadlines.idle = Duration::from_secs(5);
    });
    house.provider.script(Fault::answer().answer_tokens(8).tokens_per_frame(1).stall(Stall::AfterTokens(3)));
    let mut client = house.client();
    let began = Instant::now();
    let answer = client.post("/v1/chat/completions", STREAM);
    assert_took(began, Duration::from_millis(450));
    assert!(answer.text().contains("upstream_timeout"), "{}", answer.text());
    house.provider.release();
}

#[test]
fn d06_comments_keep_silent_streams_open() {
    let house = House::with(|options| {
        short(options);
        options.deadlines.idle = Duration::from_millis(700);
        options.deadlines.keep_alive = Duration::from_millis(100);
    });
    house.provider.script(Fault::answer().answer_tokens(8).tokens_per_frame(1).stall(Stall::AfterTokens(3)));
    let answer = house.client().post("/v1/chat/completions", STREAM);
    let comments = answer.text().matches(": keep-alive\n\n").count();
    assert!((5..=7).contains(&comments), "{comments} comments in 700 ms of silence");
    house.provider.release();
}

#[test]
fn d06_first_content_counts_from_sending() {
    let house = House::with(short);
    // The head comes at once, the first token never; the deadline does not begin anew with the head.
    house.provider.script(Fault::answer().stall(Stall::BeforeFirstToken));
    let mut client = house.client();
    let began = Instant::now();
    let answer = client.post("/v1/chat/completions", STREAM);
    assert_took(began, Duration::from_millis(400));
    assert!(answer.text().contains("upstream_timeout"), "{}", answer.text());
    house.provider.release();
}

#[test]
fn d06_a_json_answer_that_stops_is_a_timeout_too() {
    let house = House::with(short);
    house.provider.script(Fault::answer().stall(Stall::AtByte(60)));
    let answer = house.client().post("/v1/chat/completions", CHAT);
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (504, Some("upstream_timeout")));
    house.provider.release();
}
