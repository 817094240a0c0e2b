//! M06: every cut stream leaves exactly one honest row.

use keyward_domain::ledger::AttemptOutcome;
use keyward_domain::money::Nanodollars;
use keyward_domain::usage::UsageSource;
use keyward_domain::virtual_key::DisconnectPolicy;
use keyward_testkit::provider::{Close, Fault, Stall, UsageShape, VendorError};

use crate::house::{Client, House};

const TOKENS: u64 = 8;

fn wait(house: &House, what: impl Future<Output = ()>) {
    let _ = house;
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(what);
}

struct Surface {
    name: &'static str,
    path: &'static str,
    body: &'static str,
    header: &'static str,
}

const SURFACES: [Surface; 4] = [
    Surface {
        name: "chat",
        path: "/v1/chat/completions",
        body: r#"{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"Tell me a story"}]}"#,
        header: "authorization",
    },
    Surface {
        name: "responses",
        path: "/v1/responses",
        body: r#"{"model":"gpt-4o-mini","stream":true,"input":"Tell me a story"}"#,
        header: "authorization",
    },
    Surface {
        name: "messages",
        path: "/v1/messages",
        body: r#"{"model":"claude-haiku-4-5","max_tokens":64,"stream":true,"messages":[{"role":"user","content":"Tell me a story"}]}"#,
        header: "x-api-key",
    },
    Surface {
        name: "gemini",
        path: "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
        body: r#"{"contents":[{"role":"user","parts":[{"text":"Tell me a story"}]}]}"#,
        header: "x-goog-api-key",
    },
];

impl Surface {
    fn client(&self, house: &House, key: &str) -> Client {
        let value = if self.header == "authorization" { format!("Bearer {key}") } else { key.to_owned() };
        house.client().headers(&[(self.header, &*value), ("anthropic-version", "2023-06-01")])
    }
}

#[test]
fn m06_client_leaves_after_each_chunk_abort() {
    for surface in &SURFACES {
        for tokens_seen in 0..TOKENS {
            let mut house = House::open();
            house.provider.script(
                Fault::answer()
                    .answer_tokens(TOKENS)
                    .tokens_per_frame(1)
                    .stepped()
                    .stall(Stall::AfterTokens(tokens_seen)),
            );
            house.provider.step(usize::try_from(tokens_seen).unwrap());
            let mut client = surface.client(&house, &house.key);
            client.send("POST", surface.path, surface.body.as_bytes());
            wait(&house, house.provider.wait_for_stalled(1));
            drop(client);
            wait(&house, house.provider.wait_for_closed_early(1));
            let rows = house.entries();
            let at = format!("{} after {tokens_seen}", surface.name);
            assert_eq!(rows.len(), 1, "{at}");
            assert_eq!(rows[0].outcome, AttemptOutcome::ClientGone, "{at}");
            assert!(
                matches!(rows[0].source, UsageSource::Partial | UsageSource::Estimated),
                "{at}: {:?}",
                rows[0].source
            );
            assert!(rows[0].cost.is_some_and(|cost| cost > Nanodollars::ZERO), "{at}");
        }
    }
}

#[test]
fn m06_client_leaves_drain_equals_the_bill() {
    for surface in &SURFACES {
        let mut house = House::open();
        let key = house.add_key_with("drains", |key| key.on_disconnect = DisconnectPolicy::Drain);
        house.provider.script(Fault::answer().answer_tokens(TOKENS).tokens_per_frame(1).stall(Stall::AfterTokens(3)));
        let mut client = surface.client(&house, &key);
        let mut begun = client.begin("POST", surface.path, surface.body.as_bytes());
        assert!(begun.piece().unwrap().is_ok());
        wait(&house, house.provider.wait_for_stalled(1));
        drop(client);
        // The gateway notices before the provider goes on, so that the rest is really read without a client.
        while house.metrics.render().contains("keyward_client_connections 1") {
            std::thread::yield_now();
        }
        house.provider.release();
        wait(&house, house.provider.wait_for_bill(1));
        let bill = house.provider.bill().pop().unwrap();
        let rows = house.entries();
        assert_eq!(rows.len(), 1, "{}", surface.name);
        assert_eq!(rows[0].source, UsageSource::Provider, "{}", surface.name);
        assert_eq!(
            (rows[0].usage.prompt_tokens(), rows[0].usage.completion_tokens()),
            (bill.input(), bill.output),
            "{}",
            surface.name
        );
    }
}

#[test]
fn m06_usage_comes_from_the_last_event_that_has_it() {
    for shape in [UsageShape::ThenEmpty, UsageShape::Cumulative, UsageShape::Placeholder, UsageShape::OnFinish] {
        for surface in &SURFACES {
            let mut house = House::open();
            house.provider.script(Fault::answer().answer_tokens(TOKENS).tokens_per_frame(1).usage(shape));
            let answer = surface.client(&house, &house.key).post(surface.path, surface.body);
            assert_eq!(answer.status, 200);
            let bill = house.provider.bill().pop().unwrap();
            let rows = house.entries();
            assert_eq!(rows.len(), 1);
            let at = format!("{} {shape:?}", surface.name);
            assert_eq!(rows[0].source, UsageSource::Provider, "{at}");
            assert_eq!(
                (rows[0].usage.prompt_tokens(), rows[0].usage.completion_tokens()),
                (bill.input(), bill.output),
                "{at}"
            );
        }
    }
}

#[test]
fn m06_error_before_any_token_costs_nothing_and_leaves_a_row() {
    for surface in &SURFACES {
        let mut house = House::open();
        house.provider.script(Fault::answer().error_after(0, VendorError::Overloaded).usage(UsageShape::Absent));
        let answer = surface.client(&house, &house.key).post(surface.path, surface.body);
        // Nothing had reached the client, so it gets an honest status.
        assert_eq!(answer.status, 502, "{}", surface.name);
        let rows = house.entries();
        assert_eq!(rows.len(), 1, "{}", surface.name);
        assert_eq!(rows[0].outcome, AttemptOutcome::UpstreamError, "{}", surface.name);
        if surface.name != "messages" {
            // Anthropic's message_start has already told the prompt's usage by then.
            assert_eq!(
                (rows[0].cost, rows[0].source),
                (Some(Nanodollars::ZERO), UsageSource::None),
                "{}",
                surface.name
            );
        }
    }
}

#[test]
fn m06_provider_cuts_the_stream() {
    for surface in &SURFACES {
        for close in [Close::Fin, Close::Reset] {
            let mut house = House::open();
            // Behind the first content of every dialect.
            house.provider.script(Fault::answer().answer_tokens(80).cut_at(2500, close));
            let answer = surface.client(&house, &house.key).post(surface.path, surface.body);
            assert_eq!(answer.status, 200, "{}", surface.name);
            assert!(!answer.text().contains("[DONE]") && !answer.text().contains("message_stop"), "{}", answer.text());
            assert!(
                answer.text().contains("error"),
                "{}: the stream says that it broke: {}",
                surface.name,
                answer.text()
            );
            let rows = house.entries();
            assert_eq!(rows.len(), 1, "{}", surface.name);
            assert_eq!(rows[0].outcome, AttemptOutcome::Cut, "{}", surface.name);
            assert_ne!(rows[0].source, UsageSource::None, "{}", surface.name);
        }
    }
}

/// Every event is whole and readable, whatever happened; the last one says that it broke.
fn assert_events_are_whole(text: &str, surface: &Surface) {
    let events: Vec<&str> = text.split("\n\n").filter(|event| !event.trim().is_empty()).collect();
    for event in &events {
        let data =
            event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap_or_else(|| panic!("no data: {event}"));
        let json: serde_json::Value = serde_json::from_str(data).unwrap_or_else(|_| panic!("half an event: {event}"));
        assert!(json.is_object());
    }
    let last = events.last().unwrap();
    assert!(last.contains("upstream_"), "{last}");
    if surface.name == "responses" {
        assert!(last.starts_with("event: error\n"), "{last}");
    }
}

#[test]
fn m06_streams_are_cut_at_every_byte() {
    for surface in &SURFACES {
        for byte in (1..1400).step_by(37) {
            let house = House::open();
            house.provider.script(Fault::answer().answer_tokens(40).tokens_per_frame(2).cut_at(byte, Close::Fin));
            let answer = surface.client(&house, &house.key).post(surface.path, surface.body);
            assert_eq!(answer.status, 200, "{} at {byte}", surface.name);
            // Before the first content the provider is simply asked again.
            if answer.header("x-keyward-attempts") == Some("1") {
                assert_events_are_whole(&answer.text(), surface);
            }
        }
    }
}

#[test]
fn m06_client_leaves_before_the_answer_begins() {
    let mut house = House::open();
    house.provider.script(Fault::answer().stall(Stall::BeforeHeaders));
    let mut client = house.client();
    client.send("POST", SURFACES[0].path, SURFACES[0].body.as_bytes());
    wait(&house, house.provider.wait_for_stalled(1));
    drop(client);
    wait(&house, house.provider.wait_for_closed_early(1));
    let rows = house.entries();
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].outcome, rows[0].source), (AttemptOutcome::ClientGone, UsageSource::Estimated));
}
