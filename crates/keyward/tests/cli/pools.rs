//! Standings, health, explanations and strategies, as people see them; without a server and with one.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::program::{Scene, chat};

/// The sandbox with two keys.
fn two_keys() -> (Scene, String) {
    let (scene, token) = Scene::with_sandbox();
    scene.run_with(&["key", "add", "sandbox", "--name", "spare", "--weight", "3"], "sandbox-key-two").succeeded();
    (scene, token)
}

#[test]
fn k10_a_rest_outlives_the_command_that_set_it() {
    let (scene, _) = two_keys();
    let said = scene.run(&["key", "cooldown", "set", "spare", "--for", "10m"]).succeeded().stdout;
    assert!(said.starts_with("sandbox/spare rests until "), "{said}");
    // Every command is a process of its own.
    let listed = scene.run(&["key", "list"]).succeeded().stdout;
    assert!(listed.lines().any(|line| line.starts_with("sandbox/spare") && line.contains("cooling until")), "{listed}");
    let shown = scene.run(&["key", "show", "spare"]).succeeded().stdout;
    assert!(shown.contains("because") && shown.contains("told to rest by an operator (by operator"), "{shown}");
    let said = scene.run(&["key", "cooldown", "clear", "spare"]).succeeded().stdout;
    assert_eq!(said, "Nothing is held against sandbox/spare any more; it is used again.\n");
    let events = scene.run(&["key", "events", "spare"]).succeeded().stdout;
    let lines: Vec<_> = events.lines().collect();
    assert_eq!(lines.len(), 3, "{events}");
    assert!(lines[1].contains("cooling  active") && lines[1].contains("local-owner"), "{events}");
    assert_eq!(scene.json(&["key", "events"])["items"].as_array().unwrap().len(), 2);
    let audit = scene.run(&["audit", "list"]).succeeded().stdout;
    assert!(audit.contains("key.cooldown_set") && audit.contains("key.cooldown_clear"), "{audit}");
    for wrong in [&["--for", "10m", "--until", "2099-01-01"][..], &[], &["--for", "soon"]] {
        let arguments: Vec<&str> = ["key", "cooldown", "set", "spare"].iter().chain(wrong).copied().collect();
        assert_eq!(scene.run(&arguments).code, 2, "{wrong:?}");
    }
}

#[test]
fn health_finds_what_needs_a_look() {
    let (scene, _) = two_keys();
    let ended = scene.run(&["health", "check"]);
    assert_eq!((ended.code, ended.stdout.lines().last()), (0, Some("All 2 keys work.")), "{}", ended.stdout);
    // Nobody listens there.
    scene.run(&["provider", "add", "local", "--base-url", "http://127.0.0.1:9/v1"]).succeeded();
    scene.run(&["key", "add", "local", "--no-secret"]);
    let ended = scene.run(&["health", "check"]);
    assert_eq!(ended.code, 3, "{}", ended.stdout);
    assert!(ended.stdout.ends_with("1 of 3 keys need a look: local/default\n"), "{}", ended.stdout);
    assert_eq!(scene.json(&["health", "check", "--provider", "sandbox"])["found"], json!([]));
    let summary = scene.run(&["health", "summary"]).succeeded().stdout;
    assert!(
        summary.contains("sandbox  2 of 2 usable, adaptive") && summary.contains("local  0 of 1 usable"),
        "{summary}"
    );
    assert!(!summary.contains('\u{1b}'), "no colours without a terminal");
    assert_eq!(scene.run(&["health", "watch", "--times", "1"]).code, 4, "there is nothing to watch");
}

#[test]
fn k12_a_route_is_explained_before_any_call() {
    let (scene, _) = two_keys();
    scene.run(&["key", "cooldown", "set", "spare", "--for", "10m"]).succeeded();
    let told = scene.run(&["route", "explain", "sandbox-small", "--vkey", "app"]).succeeded().stdout;
    let first = "`sandbox-small` would be served by sandbox/sandbox-small with the key primary.";
    assert_eq!(told.lines().next(), Some(first), "{told}");
    let spare = told.lines().find(|line| line.trim_start().starts_with("spare")).unwrap();
    assert!(spare.contains("skipped") && spare.contains("cooling: told to rest by an operator; back 20"), "{told}");
    let nowhere = scene.run(&["route", "explain", "sandbx-small"]);
    assert_eq!((nowhere.code, nowhere.stdout.as_str()), (3, "Nobody offers `sandbx-small`; similar: sandbox-small.\n"));
    scene.run(&["vkey", "create", "narrow", "--model", "openai/*"]).succeeded();
    let refused = scene.run(&["route", "explain", "sandbox-small", "--vkey", "narrow"]);
    assert_eq!(refused.code, 3);
    assert!(
        refused.stdout.starts_with("`sandbox-small` would be refused to `narrow`: it may not use this model."),
        "{}",
        refused.stdout
    );
}

#[test]
fn a_strategy_is_drawn_in_the_terminal() {
    let (scene, _) = two_keys();
    let drawn = scene.run(&["strategy", "test", "sandbox-small", "weighted"]).succeeded().stdout;
    let [head, primary, spare] = drawn.lines().collect::<Vec<_>>()[..] else { panic!("{drawn}") };
    assert_eq!(head, "sandbox/sandbox-small: weighted (in use: adaptive), 10000 calls drawn");
    let bars = |line: &str| line.matches('\u{2588}').count();
    assert!((9..=12).contains(&bars(primary)) && (29..=31).contains(&bars(spare)), "{drawn}");
    assert!(spare.contains("100.0% left"), "{drawn}");
    assert_eq!(scene.run(&["strategy", "test", "sandbox-small", "weighted"]).stdout, drawn, "the same seed");
    let one_word = scene.json(&["strategy", "test", "single", "--draws", "10"]);
    assert_eq!((&one_word["draws"], &one_word["pools"][0]["strategy"]), (&json!(10), &json!("single")));
    let wrong = scene.run(&["strategy", "test", "sandbox-small", "best"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("`best` is not a strategy"), "{}", wrong.stderr);
}

#[test]
fn k01_rules_of_a_provider_come_from_a_file() {
    let (scene, _) = two_keys();
    let file = scene.path("rules.yaml");
    std::fs::write(&file, "- { status: 429, contains: daily cap, blame: account, lasts: 6h }\n").unwrap();
    let update = ["provider", "update", "sandbox", "--rules", file.to_str().unwrap()];
    let shown = scene.run(&update).succeeded().stdout;
    let rule = "status 429, \"daily cap\" in the message is the trouble of the account, for 21600s";
    assert!(shown.contains(rule), "{shown}");
    assert_eq!(scene.json(&["provider", "show", "sandbox"])["rules"][0]["blame"], "account");
    std::fs::write(&file, "- { status: 429, blame: acount, lasts: 6h }\n").unwrap();
    let wrong = scene.run(&update);
    assert_eq!(wrong.code, 2);
    assert!(
        wrong.stderr.contains("rules.yaml:1:") && wrong.stderr.contains("did you mean `account`?"),
        "{}",
        wrong.stderr
    );
}

#[test]
fn a_running_server_shows_what_calls_taught() {
    let (scene, token) = two_keys();
    let server = scene.serve();
    assert_eq!(chat(server.data, &token).0, 200);
    // The row is carried to the store by a thread; each look takes a process.
    let mut listed = (0..100).map(|_| scene.json(&["requests", "list"])["items"].clone());
    let call = listed.find_map(|items| items.get(0).cloned()).expect("the call is in the log");
    let (request, used) = (call["id"].as_str().unwrap(), call["attempts"][0]["key"].as_str().unwrap());
    let told = scene.run(&["requests", "explain", request]).succeeded().stdout;
    assert!(told.contains(&format!("attempt 1: sandbox/sandbox-small with the key {used}")), "{told}");
    let row = told.lines().find(|line| line.trim_start().starts_with(&format!("sandbox/{used}"))).unwrap();
    assert!(row.contains("chosen"), "{told}");
    assert!(told.contains("it could have served; another was preferred"), "{told}");
    let health = scene.json(&["key", "show", used])["health"].clone();
    assert_eq!((&health["requests"], &health["success_permille"]), (&json!(1), &json!(1000)), "{health}");
    let watched = scene.run(&["health", "watch", "--times", "1", "--json"]).succeeded().stdout;
    let line: Value = serde_json::from_str(watched.trim()).unwrap();
    assert_eq!(line["providers"][0]["usable"], 2);
    let watched = scene.run(&["health", "watch", "--times", "1"]).succeeded().stdout;
    assert!(
        watched.starts_with("sandbox  2 of 2 usable") && !watched.contains('\u{1b}'),
        "plain into a pipe: {watched}"
    );
}

#[test]
fn a_server_that_stops_does_not_wait_for_those_who_follow_it() {
    let (scene, _) = two_keys();
    let server = scene.serve();
    let token = std::fs::read_to_string(scene.home().join("admin.token")).unwrap();
    let mut reader = TcpStream::connect(server.admin).unwrap();
    let head = "GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer";
    write!(reader, "{head} {}\r\n\r\n", token.trim()).unwrap();
    let mut lines = BufReader::new(&mut reader).lines().map(|line| line.unwrap());
    assert!(lines.any(|line| line.contains(": following")));
    scene.run(&["key", "cooldown", "set", "spare", "--for", "1h"]).succeeded();
    let data = lines.find(|line| line.starts_with("data:") && line.contains("standing")).unwrap();
    let event: Value = serde_json::from_str(&data["data:".len()..]).unwrap();
    assert_eq!((&event["key"], &event["standing"]), (&json!("sandbox/spare"), &json!("cooling")));
    let (ended, log) = server.stop();
    assert_eq!(ended.code(), Some(0), "{log}");
    assert!(!log.contains("were cut"), "{log}");
    // What was acknowledged is there after the restart.
    assert_eq!(scene.json(&["key", "show", "spare"])["health"]["standing"], "cooling");
}
