//! Promise O06: whatever strangers and careless clients send, the metrics stay small and are read quickly.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use keyward_testkit::provider::ScriptedProvider;
use serde_json::json;

use crate::line::Line;
use crate::scene::Scene;

/// Calls with names that nobody knows.
const CALLS: usize = 100_000;
/// Connections at one time.
const CLIENTS: usize = 4;
/// More lines than this are no fixed set of series.
const MOST_LINES: usize = 1_500;
/// The promise's threshold, kept by a debug build, too.
const SCRAPE: Duration = Duration::from_millis(50);

#[test]
fn o06_junk_through_the_server_leaves_no_series() {
    let provider = ScriptedProvider::start_blocking();
    let scene = Scene::with_vendors(&provider);
    let server = scene.serve();
    let token = scene.vkey(&["app"]);
    let good = json!({ "model": "gpt-4o-mini", "messages": [{ "role": "user", "content": "Hello" }] });
    let bearer = format!("Bearer {token}");
    assert_eq!(Line::to(server.data).post("/v1/chat/completions", &[("authorization", &bearer)], &good).status, 200);
    let (lines_before, _) = scrape(server.admin);

    let data = server.data;
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let token = &token;
            scope.spawn(move || (0..CALLS / CLIENTS).for_each(send_junk(data, client, token)));
        }
    });

    let (lines, text) = scrape(server.admin);
    assert!(lines <= MOST_LINES, "{lines} lines");
    // Refusals, statuses and routes that did not occur before are new; names are not.
    assert!(lines < lines_before + 300, "{lines_before} lines became {lines}");
    assert!(!text.contains("junk"), "{}", text.lines().find(|line| line.contains("junk")).unwrap());
    let fastest = (0..5).map(|_| {
        let begun = Instant::now();
        scrape(server.admin);
        begun.elapsed()
    });
    let fastest = fastest.min().unwrap();
    eprintln!("{lines} lines in {fastest:?}");
    assert!(fastest < SCRAPE, "{fastest:?}");
    assert_eq!(provider.bill().len(), 1, "junk went nowhere");
    let (ended, log) = server.stop();
    assert!(ended.success(), "{log}");
}

/// One call after the other over one connection: junk models, keys, paths, users, tags and methods in turn.
fn send_junk(data: SocketAddr, client: usize, token: &str) -> impl FnMut(usize) {
    let mut line = Line::to(data);
    let bearer = format!("Bearer {token}");
    move |number| {
        let junk = format!("junk-{client}-{number}");
        let body = json!({ "model": junk, "user": junk, "messages": [{ "role": "user", "content": "x" }] });
        let body = body.to_string();
        let answer = match number % 6 {
            0 => line.call("POST", "/v1/chat/completions", &[("authorization", &bearer)], body.as_bytes()),
            1 => line.call("POST", "/v1/messages", &[("x-api-key", token)], body.as_bytes()),
            2 => line.call(
                "POST",
                &format!("/v1beta/models/{junk}:generateContent"),
                &[("x-goog-api-key", token)],
                b"{\"contents\":[]}",
            ),
            3 => line.get(&format!("/{junk}/v1/models"), &[("authorization", &bearer)]),
            4 => line.call("POST", "/v1/embeddings", &[("authorization", &format!("Bearer {junk}"))], body.as_bytes()),
            _ => line.call(
                "POST",
                "/v1/responses",
                &[("authorization", &bearer), ("x-keyward-tags", &junk), ("x-keyward-end-user", &junk)],
                body.as_bytes(),
            ),
        };
        assert!((400..500).contains(&answer.status), "{number}: {} {}", answer.status, answer.text());
    }
}

/// How many lines there are, and all of them.
fn scrape(admin: SocketAddr) -> (usize, String) {
    let answer = Line::to(admin).get("/metrics", &[]);
    assert_eq!(answer.status, 200);
    let text = answer.text();
    (text.lines().count(), text)
}
