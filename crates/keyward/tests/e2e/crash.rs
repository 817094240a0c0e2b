//! Promise M07: whatever happens to the process, the ledger is never below the provider's bill.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use keyward_domain::port::Entropy as _;
use keyward_testkit::SeededEntropy;
use keyward_testkit::provider::{BillLine, Fault, ScriptedProvider};
use serde_json::{Value, json};

use crate::line::{Answer, Line};
use crate::scene::{Scene, wait_for};

/// How often the server is killed.
const KILLS: usize = 200;
/// Clients at one time.
const CLIENTS: usize = 6;
/// What every token of a prompt and of an answer costs here, in nano-dollars.
const PROMPT_PRICE: u64 = 1_000;
const ANSWER_PRICE: u64 = 2_000;
/// The models that are called.
pub const MODELS: [&str; 3] = ["openai/gpt-4o-mini", "anthropic/claude-haiku-4-5", "gemini/gemini-2.5-flash"];

/// Says which model costs what, so that a bill in tokens is a bill in dollars.
pub fn priced(provider: &ScriptedProvider) -> Scene {
    provider.set_cache(false);
    let scene = Scene::with_vendors(provider);
    for model in MODELS {
        scene.run(&["model", "price", model, "--input", "1", "--output", "2"]).succeeded();
    }
    scene
}

#[test]
fn m07_killed_at_random_points_the_ledger_is_never_below_the_bill() {
    let told = std::env::var_os("KEYWARD_TEST_SEED").and_then(|seed| seed.to_str()?.parse().ok());
    let seed = told.unwrap_or_else(fresh_seed);
    eprintln!("the points were chosen by KEYWARD_TEST_SEED={seed}");
    let entropy = SeededEntropy::new(seed);
    let provider = ScriptedProvider::start_blocking();
    let scene = priced(&provider);
    let token = scene.vkey(&["app"]);
    provider.script(Fault::answer().answer_tokens(60).always());

    let answered = AtomicUsize::new(0);
    for _ in 0..KILLS {
        let server = scene.serve();
        let (data, over) = (server.data, AtomicBool::new(false));
        let calls = 2 + u64::from(random(&entropy)) % 24;
        let point = provider.requests_total() + calls;
        std::thread::scope(|scope| {
            for client in 0..CLIENTS {
                let (over, token, answered) = (&over, &token, &answered);
                scope.spawn(move || {
                    let mut line = Line::to(data);
                    for number in 0.. {
                        let answer = call(&mut line, token, client + number);
                        if answer.complete {
                            assert_eq!(answer.status, 200, "{}", answer.text());
                            answered.fetch_add(1, Ordering::SeqCst);
                        }
                        if over.load(Ordering::SeqCst) {
                            return;
                        }
                    }
                });
            }
            wait_for("calls", provider.wait_for_requests(point));
            spin(random(&entropy));
            server.kill();
            over.store(true, Ordering::SeqCst);
        });
        // What was on its way when its peer died is on the bill once the connections are gone.
        wait_for("the end of all connections", provider.wait_for_connections(0));
    }

    // The commands of this machine take over what the dead left, as a server does.
    assert!(scene.json(&["status"])["ledger"]["unsettled"].is_u64());
    let server = scene.serve();
    let calls = scene.calls(&server);
    let bill = provider.bill();
    let rows: Vec<&Value> = calls.iter().flat_map(|call| call["attempts"].as_array().unwrap()).collect();
    let (open, settled): (Vec<&Value>, Vec<&Value>) = rows.iter().partition(|row| row["outcome"] == "unsettled");
    let summary = format!(
        "seed {seed}: {} answered, {} on the bill, {} settled, {} unsettled",
        answered.load(Ordering::SeqCst),
        bill.len(),
        settled.len(),
        open.len()
    );
    eprintln!("{summary}");
    assert!(answered.load(Ordering::SeqCst) <= settled.len() + open.len(), "{summary}");
    assert!(bill.len() <= settled.len() + open.len(), "{summary}");
    assert!(!open.is_empty(), "no kill met a call under way; {summary}");
    for model in MODELS.map(|model| model.split_once('/').unwrap().1) {
        let billed: u64 = bill.iter().filter(|line| line.model == model).map(price).sum();
        let of = |rows: &[&Value]| rows.iter().filter(|row| row["model"] == model).map(|row| cost(row)).sum::<u64>();
        let (sure, guessed) = (of(&settled), of(&open));
        assert!(billed > 0 && sure + guessed >= billed, "{model}: {sure} + {guessed} < {billed}; {summary}");
        assert!(sure <= billed, "{model}: {sure} > {billed} without an unsettled row; {summary}");
    }
    every_settled_row_is_on_the_bill(&settled, &bill, &summary);
    let (ended, log) = server.stop();
    assert!(ended.success(), "{log}");
}

#[test]
fn m07_told_to_end_under_load_everything_is_in_the_ledger() {
    let provider = ScriptedProvider::start_blocking();
    let scene = priced(&provider);
    let token = scene.vkey(&["app"]);
    provider.script(Fault::answer().answer_tokens(400).always());
    let server = scene.serve();
    let data = server.data;
    let complete = AtomicUsize::new(0);
    let before = provider.requests_total();
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (token, complete) = (&token, &complete);
            scope.spawn(move || {
                let mut line = Line::to(data);
                for number in 0.. {
                    let answer = call(&mut line, token, client + number);
                    if answer.status == 0 || answer.status == 503 {
                        return;
                    }
                    assert!(answer.status == 200 && answer.complete, "a call was cut: {}", answer.head);
                    complete.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        wait_for("calls", provider.wait_for_requests(before + 60));
        let (ended, log) = server.stop();
        assert_eq!(ended.code(), Some(0), "{log}");
    });
    assert_in_the_ledger(&provider, &scene, complete.load(Ordering::SeqCst));
}

pub fn assert_in_the_ledger(provider: &ScriptedProvider, scene: &Scene, complete: usize) {
    wait_for("the end of all connections", provider.wait_for_connections(0));
    let bill = provider.bill();
    assert!(complete >= 50 && bill.len() == complete, "{} on the bill, {complete} answered", bill.len());
    let status = scene.json(&["status"]);
    assert_eq!(
        (&status["ledger"]["unsettled"], &status["ledger"]["entries"]),
        (&0.into(), &complete.into()),
        "{status}"
    );
    let usage = scene.json(&["usage", "--group-by", "model"]);
    for line in usage["lines"].as_array().unwrap() {
        let model = line["group"]["model"].as_str().unwrap();
        let billed: u64 = bill.iter().filter(|line| line.model == model).map(price).sum();
        assert_eq!(line["cost_nanodollars"], billed, "{model}");
    }
    let total: u64 = bill.iter().map(price).sum();
    assert_eq!(usage["total"]["cost_nanodollars"], total);
}

/// A call to one of the vendors, streamed or not, by turns.
pub fn call(line: &mut Line, token: &str, turn: usize) -> Answer {
    let streamed = turn.is_multiple_of(2);
    let prompt = format!("Call number {turn}");
    let model = MODELS[turn % MODELS.len()];
    match turn % MODELS.len() {
        0 => {
            let messages = json!([{ "role": "user", "content": prompt }]);
            let body = json!({ "model": model, "max_tokens": 500, "stream": streamed, "messages": messages });
            line.post("/v1/chat/completions", &[("authorization", &format!("Bearer {token}"))], &body)
        }
        1 => {
            let messages = json!([{ "role": "user", "content": prompt }]);
            let body = json!({ "model": model, "max_tokens": 500, "stream": streamed, "messages": messages });
            line.post("/v1/messages", &[("x-api-key", token), ("anthropic-version", "2023-06-01")], &body)
        }
        _ => {
            let body = json!({
                "contents": [{ "parts": [{ "text": prompt }] }],
                "generationConfig": { "maxOutputTokens": 500 }
            });
            let verb = if streamed { "streamGenerateContent?alt=sse" } else { "generateContent" };
            let model = model.trim_start_matches("gemini/");
            line.post(&format!("/v1beta/models/{model}:{verb}"), &[("x-goog-api-key", token)], &body)
        }
    }
}

fn price(line: &BillLine) -> u64 {
    line.input() * PROMPT_PRICE + line.output * ANSWER_PRICE
}

fn cost(row: &Value) -> u64 {
    row["cost_nanodollars"].as_u64().unwrap_or_else(|| panic!("a row without a cost: {row}"))
}

/// By model and price: as many settled rows at most as there are lines on the bill.
fn every_settled_row_is_on_the_bill(settled: &[&Value], bill: &[BillLine], summary: &str) {
    let mut lines: BTreeMap<(&str, u64), i64> = BTreeMap::new();
    for line in bill {
        *lines.entry((&line.model, price(line))).or_default() += 1;
    }
    for row in settled.iter().filter(|row| row["outcome"] == "completed") {
        let left = lines.entry((row["model"].as_str().unwrap(), cost(row))).or_default();
        *left -= 1;
        assert!(*left >= 0, "not on the bill: {row}; {summary}");
    }
}

fn random(entropy: &SeededEntropy) -> u8 {
    let mut byte = [0];
    entropy.fill(&mut byte).unwrap();
    byte[0]
}

/// A moment of less than a millisecond, so that the kill does not always meet the same step of a call.
fn spin(length: u8) {
    (0..u32::from(length) * 200).for_each(|_| std::hint::spin_loop());
}

#[expect(clippy::disallowed_methods, reason = "every run kills at other points; the seed is printed")]
fn fresh_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(now.as_nanos() & u128::from(u64::MAX)).unwrap_or_default()
}
