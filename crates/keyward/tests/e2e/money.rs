//! Budgets and limits of the whole program: killed, started again, and several of them at one Redis.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use keyward_testkit::provider::{Fault, ScriptedProvider, Stall, Vendor};
use serde_json::{Value, json};

use crate::line::{Answer, Line};
use crate::scene::{Scene, Served, wait_for};

const PATIENCE: Duration = Duration::from_secs(20);

fn chat(data: std::net::SocketAddr, token: &str) -> Answer {
    say(data, token, "How much is left?")
}

fn say(data: std::net::SocketAddr, token: &str, what: &str) -> Answer {
    let messages = json!([{ "role": "user", "content": what }]);
    let body = json!({ "model": "openai/gpt-4o-mini", "max_tokens": 100, "messages": messages });
    Line::to(data).post("/v1/chat/completions", &[("authorization", &format!("Bearer {token}"))], &body)
}

/// A place with one provider whose tokens cost $1 and $2 a million.
fn priced(provider: &ScriptedProvider) -> Scene {
    provider.set_cache(false);
    let scene = Scene::founded();
    scene.add_provider(provider, Vendor::OpenAi, "openai");
    scene.run_with(&["key", "add", "openai", "--name", "main"], &provider.add_key(Vendor::OpenAi, "main")).succeeded();
    scene.run(&["model", "price", "openai/gpt-4o-mini", "--input", "1", "--output", "2"]).succeeded();
    scene
}

fn nanodollars(usd: &Value) -> i64 {
    let text = usd.as_str().unwrap();
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    whole.parse::<i64>().unwrap() * 1_000_000_000 + format!("{part:0<9}").parse::<i64>().unwrap()
}

#[test]
fn m04_killed_again_and_again_the_ceiling_holds_and_the_figures_agree() {
    let provider = ScriptedProvider::start_blocking();
    let scene = priced(&provider);
    let token = scene.vkey(&["app"]);
    // A call reserves about 0.0004 dollars.
    scene.run(&["budget", "set", "global", "--usd", "0.01", "--per", "month", "--hold", "strict"]).succeeded();
    let mut refused = false;
    for round in 0..25_u64 {
        let server = scene.serve();
        provider.script(Fault::answer().answer_tokens(40).always());
        let point = provider.requests_total() + 2;
        let data = server.data;
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let callers: Vec<_> = (0..4).map(|_| scope.spawn(|| chat(data, &token).status)).collect();
            if !refused {
                let begun = Instant::now();
                while provider.requests_total() < point && begun.elapsed() < Duration::from_secs(2) {
                    std::thread::yield_now();
                }
            }
            if round % 2 == 0 {
                server.kill();
            }
            callers.into_iter().map(|caller| caller.join().unwrap()).collect()
        });
        refused |= statuses.contains(&402);
        wait_for("the end of all connections", provider.wait_for_connections(0));
    }
    assert!(refused, "the budget was never spent");
    let _server = scene.serve();
    let shown = &scene.json(&["budget", "show", "global"])[0]["balances"][0];
    let usage = scene.json(&["usage"]);
    let spent = usage["total"]["cost_nanodollars"].as_i64().unwrap();
    assert_eq!((&shown["spent_nanodollars"], &shown["reserved_nanodollars"]), (&json!(spent), &json!(0)), "{shown}");
    assert!(spent <= 10_000_000, "{spent} of 10,000,000 nano-dollars: {usage}");
    let bill: i64 =
        provider.bill().iter().map(|line| i64::try_from(line.input() + 2 * line.output).unwrap() * 1_000).sum();
    assert!(bill <= spent, "billed {bill}, counted {spent}");
}

#[test]
fn m05_the_refusal_and_the_command_say_the_same() {
    let provider = ScriptedProvider::start_blocking();
    let scene = priced(&provider);
    let token = scene.vkey(&["app"]);
    scene.run(&["budget", "set", "vkey:app", "--usd", "0.000600001", "--per", "day", "--hold", "strict"]).succeeded();
    let server = scene.serve();
    let mut answers = Vec::new();
    while answers.last().is_none_or(|answer: &Answer| answer.status == 200) {
        answers.push(chat(server.data, &token));
        assert!(answers.len() < 50, "the budget never ends");
    }
    let error = answers.pop().unwrap().json()["error"].clone();
    assert_eq!((&error["code"], &error["limit"]), (&json!("budget_exceeded"), &json!("0.000600001")));
    let shown = scene.json(&["budget", "show", "vkey:app"])[0]["balances"][0].clone();
    assert_eq!(shown["spent_nanodollars"], nanodollars(&error["spent"]), "{error} {shown}");
    assert_eq!(shown["reserved_nanodollars"], nanodollars(&error["reserved"]));
    assert_eq!(shown["resets_at"], error["resets_at"]);
}

#[test]
fn m02_a_prompt_too_dear_by_its_length_is_let_in_by_its_tokens() {
    let provider = ScriptedProvider::start_blocking();
    let scene = priced(&provider);
    let token = scene.vkey(&["app"]);
    // 8,000 bytes would be $0.008; these are 2,000 tokens.
    let prompt = "the cat sat and the dog ran far ".repeat(250);
    scene.run(&["budget", "set", "vkey:app", "--usd", "0.004", "--per", "day", "--hold", "strict"]).succeeded();
    let server = scene.serve();
    let answer = say(server.data, &token, &prompt);
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert_eq!(say(server.data, &token, &prompt.repeat(2)).status, 402);
}

/// A Redis server of this test alone.
struct Redis {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Redis {
    fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let port_text = port.to_string();
        let child = Command::new("redis-server")
            .args(["--port", &port_text, "--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--dir"])
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let redis = Self { child, port, _folder: folder };
        let begun = Instant::now();
        while !redis.answers() {
            assert!(begun.elapsed() < PATIENCE, "redis-server does not answer");
            std::thread::yield_now();
        }
        redis
    }

    /// How often scripts ran since this was last asked.
    fn scripts_run(&self) -> u64 {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(b"INFO commandstats\r\nCONFIG RESETSTAT\r\nQUIT\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let calls = answer.lines().filter(|line| line.starts_with("cmdstat_eval"));
        calls.map(|line| line.split_once("calls=").unwrap().1.split(',').next().unwrap().parse::<u64>().unwrap()).sum()
    }

    fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        let mut pong = [0; 7];
        stream.write_all(b"PING\r\n").is_ok() && stream.read_exact(&mut pong).is_ok() && &pong == b"+PONG\r\n"
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until a node counts together with the others.
fn counts_together(server: &Served) {
    let begun = Instant::now();
    loop {
        let ready = Line::to(server.data).get("/readyz", &[]);
        if ready.status == 200 && !ready.text().contains("degraded") {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{}", ready.text());
        std::thread::yield_now();
    }
}

#[test]
fn l01_three_nodes_at_one_redis_let_through_as_many_as_one() {
    let redis = Redis::start();
    let provider = ScriptedProvider::start_blocking();
    let url = format!("redis://127.0.0.1:{}/0", redis.port);
    let config = format!("counters: {{ url: \"{url}\", nodes: 3 }}\nlimits: {{ global: {{ rpm: 30 }} }}\n");
    let nodes: Vec<_> = (0..3)
        .map(|_| {
            let scene = priced(&provider);
            std::fs::write(scene.home().join("keyward.yaml"), &config).unwrap();
            let token = scene.vkey(&["app"]);
            let server = scene.serve();
            (scene, token, server)
        })
        .collect();
    for (_, _, server) in &nodes {
        counts_together(server);
    }
    let before = provider.requests_total();
    // One caller a node: a machine that is busy with hundreds of calls may well keep a node waiting for longer than its
    // patience with the counters.
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let calls = |(_, token, server): &(Scene, String, Served)| -> Vec<u16> {
            (0..20).map(|_| chat(server.data, token).status).collect()
        };
        let callers: Vec<_> = nodes.iter().map(|node| scope.spawn(move || calls(node))).collect();
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    });
    let passed = statuses.iter().filter(|status| **status == 200).count();
    assert!(statuses.iter().all(|status| matches!(status, 200 | 429)), "{statuses:?}");
    assert_eq!(passed, 30, "{statuses:?}");
    assert_eq!(provider.requests_total() - before, 30);
}

#[test]
fn l01_a_call_under_four_limits_is_let_in_after_one_round_trip() {
    let redis = Redis::start();
    let provider = ScriptedProvider::start_blocking();
    let scene = priced(&provider);
    let limits = "global: { rpm: 1000, rph: 5000, rpd: 10000, tpm: 1000000 }";
    let config = format!("counters: {{ url: \"redis://127.0.0.1:{}/0\" }}\nlimits: {{ {limits} }}\n", redis.port);
    std::fs::write(scene.home().join("keyward.yaml"), config).unwrap();
    let token = scene.vkey(&["app"]);
    let server = scene.serve();
    counts_together(&server);
    provider.script(Fault::answer().answer_tokens(40).stall(Stall::BeforeHeaders).always());
    redis.scripts_run();
    for _ in 0..5 {
        std::thread::scope(|scope| {
            let call = scope.spawn(|| chat(server.data, &token).status);
            wait_for("the call at the provider", provider.wait_for_stalled(1));
            assert_eq!(redis.scripts_run(), 1, "one question for all of its limits");
            provider.release();
            assert_eq!(call.join().unwrap(), 200);
        });
        let begun = Instant::now();
        while redis.scripts_run() != 1 {
            assert!(begun.elapsed() < PATIENCE, "it was never settled");
            std::thread::yield_now();
        }
    }
}
