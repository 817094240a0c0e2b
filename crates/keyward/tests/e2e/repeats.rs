//! F06: whatever was sent under an `Idempotency-Key` is not sent again, whenever the process that sent it dies.

use std::net::SocketAddr;

use keyward_testkit::provider::{Fault, ScriptedProvider, Stall};
use serde_json::{Value, json};

use crate::crash::priced;
use crate::line::{Answer, Line};
use crate::scene::wait_for;

/// One call under this name, on a connection of its own.
fn call(data: SocketAddr, token: &str, name: &str) -> Answer {
    let messages = json!([{ "role": "user", "content": format!("Say {name}") }]);
    let body = json!({ "model": "openai/gpt-4o-mini", "max_tokens": 50, "messages": messages });
    let headers = [("authorization", &*format!("Bearer {token}")), ("idempotency-key", name)];
    Line::to(data).post("/v1/chat/completions", &headers, &body)
}

/// The call that a refusal names, and what it says of it.
fn first(answer: &Answer) -> (String, String) {
    assert_eq!((answer.status, answer.code()), (409, "already_processed".to_owned()), "{}", answer.text());
    let error = &answer.json()["error"];
    let text = |member: &str| error[member].as_str().unwrap_or_default().to_owned();
    (text("first_request_id"), text("first_outcome"))
}

#[test]
fn f06_a_killed_server_never_sends_a_named_call_twice() {
    let provider = ScriptedProvider::start_blocking();
    let scene = priced(&provider);
    let token = scene.vkey(&["app"]);

    // The first is answered in full and the server killed at once; the second is killed while the provider is at it.
    let server = scene.serve();
    let whole = call(server.data, &token, "answered");
    assert_eq!((whole.status, whole.complete), (200, true), "{}", whole.text());
    let whole = whole.head.lines().find_map(|line| line.strip_prefix("x-keyward-request-id: ")).unwrap().to_owned();
    provider.script(Fault::answer().stall(Stall::BeforeHeaders));
    let data = server.data;
    std::thread::scope(|scope| {
        let cut = scope.spawn(|| call(data, &token, "cut").status);
        wait_for("the call to be sent", provider.wait_for_stalled(1));
        server.kill();
        assert_eq!(cut.join().unwrap(), 0, "no answer ever came");
    });
    provider.release();
    wait_for("the end of all connections", provider.wait_for_connections(0));
    let sent = provider.requests_total();

    // Killed again and again: every later process knows.
    for _ in 0..3 {
        let server = scene.serve();
        assert_eq!(first(&call(server.data, &token, "answered")), (whole.clone(), "settled".to_owned()));
        let (cut, outcome) = first(&call(server.data, &token, "cut"));
        assert_eq!(outcome, "unsettled");
        let row: Value = scene.calls(&server).into_iter().find(|row| row["id"] == *cut).unwrap();
        assert_eq!(row["attempts"][0]["outcome"], "unsettled", "{row}");
        assert_eq!(provider.requests_total(), sent, "nothing was sent again");
        server.kill();
    }
    let server = scene.serve();
    assert_eq!(call(server.data, &token, "new").status, 200, "a name that was never sent is");
    assert_eq!(provider.requests_total(), sent + 1);
    let (ended, log) = server.stop();
    assert!(ended.success(), "{log}");
}
