use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use rustix::process::Signal;

use crate::program::{Scene, chat, http};

#[test]
fn a_server_serves_both_planes_and_ends_well() {
    let (scene, token) = Scene::with_sandbox();
    let server = scene.serve();
    assert_eq!(http(server.data, "GET", "/healthz", &[], "").0, 200);
    assert_eq!(http(server.data, "GET", "/readyz", &[], "").0, 200);
    let (status, body) = chat(server.data, &token);
    assert_eq!(status, 200, "{body}");
    assert_eq!(chat(server.data, "nonsense").0, 401);

    // Nothing of the control plane on the data port, and nobody without a token on its own.
    let authorization = format!("Bearer {token}");
    assert_eq!(http(server.data, "GET", "/api/v1/status", &[("authorization", &authorization)], "").0, 404);
    assert_eq!(http(server.admin, "GET", "/api/v1/status", &[], "").0, 401);
    let admin = std::fs::read_to_string(scene.home().join("admin.token")).unwrap();
    let bearer = format!("Bearer {}", admin.trim());
    assert_eq!(http(server.admin, "GET", "/api/v1/status", &[("authorization", &bearer)], "").0, 200);
    let (status, metrics) = http(server.admin, "GET", "/metrics", &[], "");
    assert!(status == 200 && metrics.contains("keyward_"), "{metrics}");

    // Commands go through the server; changes act at once.
    assert_eq!(scene.json(&["status"])["serving"], true);
    let url = format!("http://{}", server.admin);
    let file = scene.home().join("admin.token");
    let remote = scene.json(&["status", "--url", &url, "--token-file", file.to_str().unwrap()]);
    assert_eq!(remote["serving"], true);
    scene.run(&["vkey", "revoke", "app"]).succeeded();
    assert_eq!(chat(server.data, &token).0, 401);

    let (ended, log) = server.stop();
    assert_eq!(ended.code(), Some(0), "{log}");
    assert!(!scene.home().join("admin.sock").exists());
    assert!(!log.contains(&token) && !log.contains(admin.trim()), "{log}");
    // The row is in the store, and the same commands work without the server.
    assert_eq!(scene.json(&["usage"])["total"]["attempts"], 1);
    let calls = scene.json(&["requests", "list"]);
    assert!(calls["items"].as_array().unwrap().iter().any(|call| call["outcome"] == "completed"), "{calls}");
}

#[test]
fn a11_admin_tokens_are_not_tried_without_end() {
    let scene = Scene::founded();
    let server = scene.serve();
    let show = |bearer: &str| http(server.admin, "GET", "/api/v1/status", &[("authorization", bearer)], "");
    let mut refused = 0;
    for _ in 0..200 {
        let (status, body) = show("Bearer guess");
        assert!(status == 401 || status == 429 && body.contains("rate_limited"), "{status} {body}");
        refused += u32::from(status == 429);
    }
    // One more is looked at every other second, and the test may take some.
    assert!((100..=170).contains(&refused), "{refused}");
    let admin = std::fs::read_to_string(scene.home().join("admin.token")).unwrap();
    assert_eq!(show(&format!("Bearer {}", admin.trim())).0, 200, "a good one from the same address works");
    assert_eq!(scene.json(&["status"])["serving"], true, "and so does the home's own door");
    let file = scene.path("wrong");
    std::fs::write(&file, "guess").unwrap();
    let url = format!("http://{}", server.admin);
    let ended = scene.run(&["status", "--url", &url, "--token-file", file.to_str().unwrap()]).failed_with(4);
    assert!(ended.stderr.contains("Check the token"), "{}", ended.stderr);
}

#[test]
fn a_killed_server_loses_no_row() {
    let (scene, token) = Scene::with_sandbox();
    let server = scene.serve();
    for _ in 0..5 {
        assert_eq!(chat(server.data, &token).0, 200);
    }
    server.kill();
    assert_eq!(scene.json(&["usage"])["total"]["attempts"], 5);
}

#[test]
fn a119_a_second_server_is_refused() {
    let scene = Scene::founded();
    let server = scene.serve();
    let ended = scene.run(&["serve"]).failed_with(1);
    assert!(ended.stderr.contains("already running"), "{}", ended.stderr);
    assert_eq!(server.stop().0.code(), Some(0));
}

#[test]
fn a_locked_vault_refuses_and_an_unlocked_one_serves() {
    let (scene, token) = Scene::with_sandbox();
    let server = scene.serve();
    scene.run(&["lock"]).succeeded();
    assert_eq!(http(server.data, "GET", "/readyz", &[], "").0, 503);
    let (status, body) = chat(server.data, &token);
    assert!(status == 503 && body.contains("vault_locked"), "{status} {body}");
    scene.run(&["unlock"]).succeeded();
    assert_eq!(chat(server.data, &token).0, 200);
    assert_eq!(server.stop().0.code(), Some(0));
}

#[test]
fn a_config_is_compared_before_it_is_taken_over() {
    let scene = Scene::with_sandbox().0;
    scene.run(&["config", "diff"]).failed_with(1);
    scene.run(&["config", "apply"]).failed_with(4);
    let server = scene.serve();
    assert!(scene.run(&["config", "diff"]).succeeded().stdout.contains("the one in effect"));
    scene.config("limits: { in_flight: 9 }\naliases: { quick: { targets: [sandbox/sandbox-small] } }\n");
    let differences = scene.run(&["config", "diff", "--json"]);
    // The server may have been quicker.
    if differences.code != 0 {
        let differences: serde_json::Value = serde_json::from_str(&differences.failed_with(3).stdout).unwrap();
        assert_eq!(differences["differences"][0]["field"], "aliases.quick.targets[0]");
        assert_eq!(differences["differences"][0]["needs_restart"], false);
        assert_eq!(differences["differences"][1]["field"], "limits.in_flight");
        assert_eq!(differences["differences"][1]["needs_restart"], true);
    }
    scene.run(&["config", "apply"]).succeeded();
    assert_eq!(scene.json(&["model", "alias", "list"])[0]["name"], "quick");
    scene.run(&["config", "diff"]).succeeded();

    // What the file alone cannot tell, the server does: the provider belongs to the API already.
    scene.config("providers: { sandbox: { keys: [ { name: other } ] } }\n");
    let ended = scene.run(&["config", "apply"]).failed_with(1);
    assert!(ended.stderr.contains("was added with the API"), "{}", ended.stderr);
    // Several things that are wrong are told one a line.
    scene.config("aliases: { a: { targets: [nobody/x] }, b: { targets: [nowhere/y] } }\n");
    let ended = scene.run(&["config", "apply"]).failed_with(1);
    let status = scene.run(&["status"]).succeeded().stdout;
    for text in [&ended.stderr, &status] {
        assert!(text.lines().any(|line| line.ends_with("the one before stays in effect:")), "{text}");
        for (own, other) in [("nobody", "nowhere"), ("nowhere", "nobody")] {
            assert!(text.lines().any(|line| line.contains(own) && !line.contains(other)), "{text}");
        }
    }
    scene.config("lisen: 1\n");
    scene.run(&["config", "apply"]).failed_with(2);
    scene.run(&["config", "diff"]).failed_with(2);
    assert_eq!(server.stop().0.code(), Some(0));
}

#[test]
fn a_config_is_compared_with_the_last_one_when_no_server_runs() {
    let scene = Scene::founded();
    assert_eq!(scene.serve().stop().0.code(), Some(0));
    scene.config("limits: { in_flight: 9 }\n");
    let shown = scene.run(&["config", "diff"]).failed_with(3).stdout;
    assert_eq!(shown.trim(), "+ limits.in_flight: 9  (needs a restart)");
    scene.config("budgets: { global: { usd: 5, per: day, zone: UTC } }\nlimits: { global: { rpm: 9 } }\n");
    let shown = scene.run(&["config", "diff"]).failed_with(3).stdout;
    assert!(shown.contains("+ limits.global.rpm: 9") && shown.contains("+ budgets.global.usd: 5"), "{shown}");
    assert!(!shown.contains("restart"), "a running server takes them over: {shown}");
}

#[test]
fn keys_of_the_file_wait_for_the_vault() {
    let scene = Scene::empty().set("FILE_KEY", "a-key-from-the-environment");
    std::fs::write(scene.path("passphrase"), "correct horse battery staple\n").unwrap();
    let file = scene.path("passphrase").display().to_string();
    let init = ["init", "--yes", "--no-discovery", "--passphrase", "--passphrase-file", &file, "--json"];
    let made: serde_json::Value = serde_json::from_str(&scene.run(&init).succeeded().stdout).unwrap();
    let token = made["token"].as_str().unwrap();
    scene.config(
        "vault: { root: passphrase }\n\
         providers: { box: { kind: sandbox, base_url: 'sandbox://built-in', keys: [ { name: main, key: '${env:FILE_KEY}' } ] } }\n",
    );
    let server = scene.serve();
    assert_eq!(http(server.data, "GET", "/readyz", &[], "").0, 503);
    assert_eq!(scene.json(&["key", "list"]).as_array().unwrap().len(), 0);
    scene.run_with(&["unlock"], "not the right passphrase").failed_with(4);
    scene.run(&["unlock", "--passphrase-file", &file]).succeeded();
    assert_eq!(scene.json(&["key", "list"])[0]["state"], "active");
    let (status, body) = chat(server.data, token);
    assert_eq!(status, 200, "{body}");
    assert_eq!(server.stop().0.code(), Some(0));
}

#[test]
fn a121_a_broken_config_changes_nothing_and_shows_in_status() {
    let (scene, token) = Scene::with_sandbox();
    let server = scene.serve();
    let wait_for = |wanted: &dyn Fn(&serde_json::Value) -> bool| {
        let seen = (0..200).any(|_| {
            let there = wanted(&scene.json(&["status"])["warnings"]);
            if !there {
                std::thread::yield_now();
            }
            there
        });
        assert!(seen, "{}", scene.json(&["status"]));
    };
    let mentions = |warnings: &serde_json::Value| warnings.to_string().contains("lisen");
    scene.config("lisen: {}\n");
    server.signal(Signal::HUP);
    wait_for(&mentions);
    assert_eq!(chat(server.data, &token).0, 200);

    scene.config("aliases: { quick: { targets: [sandbox/sandbox-small] } }\n");
    server.signal(Signal::HUP);
    wait_for(&|warnings| !mentions(warnings));
    assert_eq!(scene.json(&["model", "alias", "list"])[0]["name"], "quick");
    let body = r#"{"model":"quick","messages":[{"role":"user","content":"Hello"}]}"#;
    let bearer = format!("Bearer {token}");
    assert_eq!(http(server.data, "POST", "/v1/chat/completions", &[("authorization", &bearer)], body).0, 200);
    assert_eq!(server.stop().0.code(), Some(0));
}

#[test]
fn a_taken_port_is_named_with_its_field() {
    let scene = Scene::founded();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let scene = scene.set("KEYWARD_LISTEN__ADMIN", &address).set("KEYWARD_LISTEN__DATA", "127.0.0.1:0");
    let ended = scene.run(&["serve"]).failed_with(1);
    assert!(ended.stderr.contains(&address) && ended.stderr.contains("listen.admin"), "{}", ended.stderr);
}

#[test]
fn a_stream_under_way_is_finished_before_the_server_ends() {
    let (scene, token) = Scene::with_sandbox();
    let server = scene.serve();
    let body = r#"{"model":"sandbox-slow","stream":true,"messages":[{"role":"user","content":"Hello"}]}"#;
    let mut stream = TcpStream::connect(server.data).unwrap();
    let head = format!("POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n");
    let head = format!("{head}content-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut answer = vec![0; 1];
    stream.read_exact(&mut answer).unwrap();

    let (ended, log) = server.stop();
    assert_eq!(ended.code(), Some(0), "{log}");
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.contains("[DONE]"), "{answer}");
    let calls = scene.json(&["requests", "list"]);
    assert_eq!(calls["items"][0]["outcome"], "completed", "{calls}");
    assert_eq!(calls["items"][0]["attempts"][0]["source"], "provider", "{calls}");
}

#[test]
fn edits_at_the_same_time_are_all_in_effect() {
    let (scene, _) = Scene::with_sandbox();
    let server = scene.serve();
    let names: Vec<String> = (0..16).map(|number| format!("app-{number}")).collect();
    let tokens: Vec<String> = std::thread::scope(|scope| {
        let creating = names
            .iter()
            .map(|name| scope.spawn(|| scene.json(&["vkey", "create", name])["token"].as_str().unwrap().to_owned()));
        // All begin before the first is waited for.
        let creating: Vec<_> = creating.collect();
        creating.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for token in &tokens {
        assert_eq!(chat(server.data, token).0, 200);
    }
}

#[test]
fn a_price_counts_at_once_and_for_one_provider_only() {
    let (scene, token) = Scene::with_sandbox();
    scene.run(&["provider", "add", "sandbox", "--as", "twin"]).succeeded();
    scene.run_with(&["key", "add", "twin"], "sandbox-key-of-the-twin").succeeded();
    let server = scene.serve();
    let cost_of = |provider: &str| cost_of(&scene, server.data, &token, provider);
    let (before, twin_before) = (cost_of("sandbox"), cost_of("twin"));
    assert!(before > 0 && before == twin_before);
    scene.run(&["model", "price", "twin/sandbox-small", "--input", "1000", "--output", "1000"]).succeeded();
    assert_eq!(cost_of("sandbox"), before);
    assert!(cost_of("twin") > 100 * before);
    scene.run(&["model", "price", "twin/sandbox-small", "--free"]).succeeded();
    assert_eq!(cost_of("twin"), 0);
    scene.run(&["model", "price", "twin/sandbox-small", "--remove"]).succeeded();
    assert_eq!(cost_of("twin"), before);
}

/// The calls in the log, newest first.
fn calls(scene: &Scene) -> Vec<serde_json::Value> {
    scene.json(&["requests", "list", "--limit", "500"])["items"].as_array().unwrap().clone()
}

/// Makes a call and gives what it cost, once the ledger has it.
fn cost_of(scene: &Scene, data: SocketAddr, token: &str, provider: &str) -> i64 {
    let before = calls(scene).len();
    let body = format!(r#"{{"model":"{provider}/sandbox-small","messages":[{{"role":"user","content":"Hello"}}]}}"#);
    let bearer = format!("Bearer {token}");
    assert_eq!(http(data, "POST", "/v1/chat/completions", &[("authorization", &bearer)], &body).0, 200);
    let newest = || Some(calls(scene)).filter(|calls| calls.len() > before)?.into_iter().next();
    let call = (0..100).find_map(|_| newest()).unwrap();
    assert_eq!(call["attempts"][0]["provider"], provider, "{call}");
    call["cost_nanodollars"].as_i64().unwrap()
}
