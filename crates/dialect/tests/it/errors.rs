//! Refusals in each dialect.

use std::time::Duration;

use bytes::Bytes;
use keyward_dialect::error::{Telling, body, responses_event, scrub, stream_event};
use keyward_domain::denial::{BudgetReached, Deadline, Denial, LimitReached};
use keyward_domain::dialect::Dialect;
use keyward_domain::ids::{BudgetId, LimitId, RequestId};
use keyward_domain::limit::{LimitPeriod, Meter};
use keyward_domain::money::Nanodollars;
use keyward_domain::scope::Scope;
use keyward_domain::time::Timestamp;
use serde_json::{Value, json};

fn limited(seconds: u64) -> Denial {
    Denial::RateLimited(Box::new(LimitReached {
        limit: LimitId::from_bits(1),
        scope: Scope::Global,
        called: Some("team:research".into()),
        meter: Meter::Requests,
        quota: 10,
        period: Some(LimitPeriod::Minute),
        retry_after: Duration::from_secs(seconds),
    }))
}

fn denials() -> Vec<Denial> {
    vec![
        Denial::MissingCredential,
        Denial::InvalidKey("it is too short"),
        Denial::KeyInactive,
        Denial::AmbiguousCredentials,
        Denial::WrongKeyEnvironment("This is an admin token."),
        Denial::ModelNotAllowed("gpt \"quoted\"".into()),
        Denial::OperationNotAllowed("chat"),
        Denial::AddressNotAllowed,
        Denial::ModelNotFound("x".into(), vec!["y".into()]),
        Denial::ModelAmbiguous("x".into(), vec!["a".into(), "b".into()]),
        Denial::RouteNotFound,
        Denial::MethodNotAllowed,
        Denial::InvalidRequest("`n` has to be\nsmaller".into(), Some("n")),
        Denial::UnsupportedParameter("api_base"),
        Denial::Untranslatable("no".into()),
        Denial::BodyTooLarge(1),
        Denial::RequestTimeout,
        limited(7),
        Denial::TooManyGuesses(Duration::from_secs(2)),
        Denial::IdempotencyInProgress,
        Denial::IdempotencyMismatch,
        Denial::AlreadyProcessed { request: RequestId::from_bits(1), is_settled: true },
        Denial::AlreadyProcessed { request: RequestId::from_bits(1), is_settled: false },
        Denial::AllKeysCooling(Duration::from_secs(9)),
        Denial::NoUsableKey(vec![("primary".into(), "disabled".into())]),
        Denial::VaultLocked,
        Denial::PriceUnknown("m".into()),
        Denial::Overloaded("Busy."),
        Denial::UpstreamError("x".into()),
        Denial::UpstreamMalformed("x".into()),
        Denial::UpstreamRedirect,
        Denial::UpstreamTls("x".into()),
        Denial::UpstreamTimeout(Deadline::Idle, Duration::from_secs(1)),
        Denial::Internal,
    ]
}

fn parsed(dialect: Dialect, denial: &Denial) -> Value {
    serde_json::from_slice(&body(dialect, denial, "req_1")).unwrap()
}

#[test]
fn every_refusal_has_code_origin_request_id_and_message_in_every_dialect() {
    for denial in denials() {
        let (code, origin, message) = (denial.code(), denial.origin().as_str(), denial.message());
        let openai = parsed(Dialect::OpenAi, &denial);
        assert_eq!(openai["error"]["code"], code);
        assert_eq!(openai["error"]["origin"], origin);
        assert_eq!(openai["error"]["request_id"], "req_1");
        assert_eq!(openai["error"]["message"], *message);
        assert_eq!(openai["error"]["param"], json!(denial.param()));
        assert!(openai["error"]["type"].is_string());

        let anthropic = parsed(Dialect::Anthropic, &denial);
        assert_eq!(anthropic["type"], "error");
        assert_eq!(anthropic["error"]["details"]["error_code"], code);
        assert_eq!(anthropic["error"]["details"]["origin"], origin);
        assert_eq!(anthropic["error"]["message"], *message);
        assert_eq!(anthropic["request_id"], "req_1");

        let gemini = parsed(Dialect::Gemini, &denial);
        assert_eq!(gemini["error"]["code"], denial.status());
        assert_eq!(gemini["error"]["message"], *message);
        let info = &gemini["error"]["details"][0];
        assert_eq!(info["@type"], "type.googleapis.com/google.rpc.ErrorInfo");
        assert_eq!(info["reason"], code.to_uppercase());
        assert_eq!(info["domain"], "keyward");
        assert_eq!(info["metadata"]["code"], code);
        assert_eq!(info["metadata"]["origin"], origin);
        assert_eq!(info["metadata"]["request_id"], "req_1");
    }
}

#[test]
fn the_vendors_own_words_are_used() {
    for (denial, openai, anthropic, gemini) in [
        (Denial::KeyInactive, "authentication_error", "authentication_error", "UNAUTHENTICATED"),
        (Denial::AddressNotAllowed, "permission_error", "permission_error", "PERMISSION_DENIED"),
        (Denial::RouteNotFound, "invalid_request_error", "not_found_error", "NOT_FOUND"),
        (Denial::BodyTooLarge(1), "invalid_request_error", "request_too_large", "INVALID_ARGUMENT"),
        (Denial::IdempotencyInProgress, "invalid_request_error", "conflict_error", "ABORTED"),
        (Denial::IdempotencyMismatch, "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"),
        (Denial::TooManyGuesses(Duration::ZERO), "rate_limit_error", "rate_limit_error", "RESOURCE_EXHAUSTED"),
        (limited(0), "rate_limit_error", "rate_limit_error", "RESOURCE_EXHAUSTED"),
        (Denial::Overloaded("x"), "service_unavailable_error", "overloaded_error", "UNAVAILABLE"),
        (Denial::VaultLocked, "service_unavailable_error", "api_error", "UNAVAILABLE"),
        (Denial::UpstreamRedirect, "server_error", "api_error", "UNAVAILABLE"),
        (
            Denial::UpstreamTimeout(Deadline::Total, Duration::ZERO),
            "timeout_error",
            "timeout_error",
            "DEADLINE_EXCEEDED",
        ),
        (Denial::Internal, "server_error", "api_error", "INTERNAL"),
        (
            Denial::InvalidRequest("x".into(), None),
            "invalid_request_error",
            "invalid_request_error",
            "INVALID_ARGUMENT",
        ),
    ] {
        assert_eq!(parsed(Dialect::OpenAi, &denial)["error"]["type"], openai);
        assert_eq!(parsed(Dialect::Anthropic, &denial)["error"]["type"], anthropic);
        assert_eq!(parsed(Dialect::Gemini, &denial)["error"]["status"], gemini);
    }
    let gemini = parsed(Dialect::Gemini, &limited(7));
    assert_eq!(gemini["error"]["details"][1]["retryDelay"], "7s");
}

#[test]
fn a_limit_says_which_it_is_and_on_what_in_every_dialect() {
    let denial = limited(7);
    assert_eq!(denial.message(), "The limit of 10 requests per minute on team:research is reached. Try again in 7 s.");
    for said in [
        parsed(Dialect::OpenAi, &denial)["error"].clone(),
        parsed(Dialect::Anthropic, &denial)["error"]["details"].clone(),
        parsed(Dialect::Gemini, &denial)["error"]["details"][0]["metadata"].clone(),
    ] {
        assert_eq!(said["limit_id"], LimitId::from_bits(1).to_string());
        assert_eq!(said["scope"], "team:research");
    }
}

#[test]
fn a_limit_is_told_in_grammar_and_one_of_nothing_as_one() {
    let Denial::RateLimited(reached) = limited(1) else { unreachable!("made above") };
    let with = |meter, quota| Box::new(LimitReached { meter, quota, period: None, ..(*reached).clone() });
    let one = Denial::RateLimited(with(Meter::Concurrency, 1)).message();
    assert!(one.starts_with("The limit of 1 call at once on "), "{one}");
    let none = Denial::RequestExceedsLimit(with(Meter::Tokens, 0)).message();
    assert_eq!(none, "The limit of 0 tokens on team:research lets nothing pass. Ask the operator to raise it.");
}

#[test]
fn m05_a_spent_budget_says_its_figures_in_every_dialect() {
    let denial = Denial::BudgetExceeded(Box::new(BudgetReached {
        budget: BudgetId::from_bits(1),
        scope: Scope::Global,
        called: None,
        limit: Nanodollars(100_000_000),
        spent: Nanodollars(99_999_999),
        reserved: Nanodollars(1),
        needed: Nanodollars(20_000_000),
        resets_at: Timestamp::from_unix_millis(1_795_132_800_000),
    }));
    assert_eq!((denial.code(), denial.status(), denial.retry_after()), ("budget_exceeded", 402, None));
    let figures = json!({
        "budget_id": BudgetId::from_bits(1).to_string(),
        "scope": "global", "limit": "0.10", "spent": "0.099999999", "reserved": "0.000000001", "needed": "0.02",
        "resets_at": "2026-11-20T00:00:00Z",
    });
    let said = [
        parsed(Dialect::OpenAi, &denial)["error"].clone(),
        parsed(Dialect::Anthropic, &denial)["error"]["details"].clone(),
        parsed(Dialect::Gemini, &denial)["error"]["details"][0]["metadata"].clone(),
    ];
    for said in said {
        for (name, value) in figures.as_object().unwrap() {
            assert_eq!(&said[name], value);
        }
    }
    assert!(parsed(Dialect::OpenAi, &Denial::Internal)["error"].get("spent").is_none());
}

#[test]
fn m05_a_call_that_is_more_than_the_whole_budget_is_not_told_to_wait() {
    let reached = |needed| BudgetReached {
        budget: BudgetId::from_bits(1),
        called: None,
        scope: Scope::Global,
        limit: Nanodollars(30_000),
        spent: Nanodollars::ZERO,
        reserved: Nanodollars(1),
        needed: Nanodollars(needed),
        resets_at: Timestamp::from_unix_millis(1_795_132_800_000),
    };
    for (needed, waits) in [(30_000, true), (30_001, false)] {
        let denial = Denial::BudgetExceeded(Box::new(reached(needed)));
        assert_eq!((denial.code(), denial.message().contains("Wait for the window")), ("budget_exceeded", waits));
        assert_eq!(denial.message().contains("never fits"), !waits, "{}", denial.message());
        let gemini = &parsed(Dialect::Gemini, &denial)["error"]["details"][0]["metadata"];
        for said in [&parsed(Dialect::OpenAi, &denial)["error"], gemini] {
            assert_eq!((said["needed"].is_string(), said.get("resets_at").is_some()), (true, waits), "{said}");
        }
    }
}

#[test]
fn stream_events_are_whole_events_that_each_sdk_raises() {
    let denial = Denial::UpstreamError("the stream broke off".into());
    for dialect in Dialect::ALL {
        let event = stream_event(dialect, &denial, "req_1");
        let event = std::str::from_utf8(&event).unwrap();
        assert!(event.ends_with("\n\n"));
        assert_eq!(event.starts_with("event: error\n"), dialect == Dialect::Anthropic);
        let data = event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        // Google's SDK raises only what begins like this.
        assert_eq!(data.starts_with("{\"error\":"), dialect != Dialect::Anthropic);
        assert_eq!(serde_json::from_str::<Value>(data).unwrap(), parsed(dialect, &denial));
    }
    let event = responses_event(&denial, "req_1");
    let event = std::str::from_utf8(&event).unwrap();
    let data: Value = serde_json::from_str(event.strip_prefix("event: error\ndata: ").unwrap().trim_end()).unwrap();
    assert_eq!((&data["type"], &data["code"]), (&json!("error"), &json!("upstream_error")));
    assert_eq!(data["error"]["message"], data["message"]);
}

#[test]
fn a_repeated_provider_key_is_scrubbed_whole_cut_or_starred() {
    let secret = format!("sk-{}-{}", "test", "abcdefghijklmnopqrstuvwxyz");
    for (before, after) in [
        (format!("Incorrect API key provided: {secret}. See"), "Incorrect API key provided: [redacted]. See"),
        (format!("{secret}{secret} x"), "[redacted][redacted] x"),
        ("Bad key sk-test-*******wxyz!".to_owned(), "Bad key [redacted]!"),
        ("Bad key sk-test-abcdefgh".to_owned(), "Bad key [redacted]"),
        ("nothing here, sk-tes".to_owned(), "nothing here, sk-tes"),
    ] {
        let scrubbed = scrub(Bytes::from(before), secret.as_bytes());
        assert_eq!(std::str::from_utf8(&scrubbed).unwrap(), after);
    }
    let body = Bytes::from_static(b"clean");
    assert_eq!(scrub(body.clone(), secret.as_bytes()).as_ptr(), body.as_ptr());
    assert_eq!(scrub(body.clone(), b""), body);
}

#[test]
fn a_keys_beginning_is_enough_to_take_it_out() {
    let secret = ["sk-", "proj-", "a1B2c3D4e5F6"].concat();
    let telling = Telling::of(secret.as_bytes()).unwrap();
    let text = format!("odd key {secret}.");
    assert!(telling.is_in(text.as_bytes()) && !telling.is_in(b"all quiet"));
    assert_eq!(telling.scrub(Bytes::from(text)), "odd key [redacted]");
    assert!(Telling::of(b"EMPTY").is_none(), "the key of a server that wants none is a word");
}
