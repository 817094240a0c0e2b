use crate::program::{Scene, begin_stream, http};

#[test]
fn provider_keys_live_and_die() {
    let scene = Scene::founded();
    let added = scene.run_with(&["key", "add", "sandbox", "--name", "one"], "the-first-key").succeeded();
    assert!(added.stdout.contains("sandbox/one: valid (active)"), "{}", added.stdout);
    assert!(added.stderr.contains("Added the provider `sandbox`"), "{}", added.stderr);
    scene.run(&["key", "disable", "one"]).succeeded();
    assert_eq!(scene.json(&["key", "show", "sandbox/one"])["state"], "disabled");
    scene.run(&["key", "enable", "one"]).succeeded();
    scene.run(&["key", "test", "one"]).succeeded();
    scene.run_with(&["key", "replace", "one"], "the-second-key").succeeded();
    scene.run(&["provider", "remove", "sandbox"]).failed_with(1);
    scene.run(&["key", "remove", "one"]).succeeded();
    scene.run(&["provider", "remove", "sandbox"]).succeeded();
    scene.run(&["key", "show", "one"]).failed_with(1);
}

#[test]
fn a_key_that_does_not_work_ends_with_3() {
    let scene = Scene::founded();
    scene.run(&["provider", "add", "mine", "--base-url", "http://127.0.0.1:9/v1"]).succeeded();
    let ended = scene.run_with(&["key", "add", "mine"], "whatever-key").failed_with(3);
    assert!(ended.stdout.contains("unreachable"), "{}", ended.stdout);
    scene.run(&["key", "test", "--all"]).failed_with(3);
    scene.run(&["provider", "test", "mine"]).failed_with(3);
}

#[test]
fn virtual_keys_live_and_die() {
    let scene = Scene::founded();
    let created = scene
        .run(&["vkey", "create", "app", "--model", "gpt-4o*,claude-*", "--operation", "chat", "--tag", "a"])
        .succeeded();
    assert!(created.stdout.trim().starts_with("kw_live_") && created.stdout.trim().len() == 70, "{}", created.stdout);
    assert!(created.stderr.contains("shown once"));
    let shown = scene.json(&["vkey", "show", "app"]);
    assert_eq!(shown["models"], serde_json::json!(["gpt-4o*", "claude-*"]));
    scene.run(&["vkey", "update", "app"]).failed_with(2);
    scene.run(&["vkey", "update", "app", "--all-models", "--enabled", "false", "--expires", "2099-01-01"]).succeeded();
    let shown = scene.json(&["vkey", "show", "app"]);
    assert_eq!((&shown["models"], &shown["state"]), (&serde_json::json!([]), &serde_json::json!("disabled")));
    scene.run(&["vkey", "update", "app", "--no-expiry", "--enabled", "true"]).succeeded();
    assert!(scene.json(&["vkey", "show", "app"])["expires_at"].is_null());
    let rotated = scene.run(&["vkey", "rotate", "app", "--grace", "2h"]).succeeded();
    assert!(rotated.stdout.trim() != created.stdout.trim() && rotated.stderr.contains("stays accepted until"));
    scene.run(&["vkey", "rotate", "app", "--grace", "soon"]).failed_with(2);
    scene.run(&["vkey", "revoke", "app"]).succeeded();
    let listed = |arguments: &[&str]| scene.json(arguments).as_array().unwrap().len();
    // The wizard's own key is there too.
    assert_eq!((listed(&["vkey", "list"]), listed(&["vkey", "list", "--revoked"])), (1, 2));
    let test = scene.run(&["vkey", "create", "trial", "--test"]).succeeded();
    assert!(test.stdout.starts_with("kw_test_"));
}

#[test]
fn wrong_input_names_the_remedy() {
    let scene = Scene::founded();
    for (arguments, code, expected) in [
        (&["vkey", "create", "Not A Name"][..], 2, "a-z"),
        (&["vkey", "create", "x", "--expires", "tomorrow"][..], 2, "2026-11-20"),
        (&["vkey", "create", "x", "--expires", "2001-01-01"][..], 2, "past"),
        (&["vkey", "show", "nobody"][..], 1, "There is no virtual key"),
        (&["provider", "add", "unknown-vendor"][..], 2, "openai"),
        (&["key", "add", "unknown-vendor", "--no-secret"][..], 1, "There is no provider"),
        (&["model", "alias", "set", "fast", "nobody/x"][..], 1, "There is no provider"),
        (&["usage", "--since", "yesterday"][..], 2, "24h"),
        (&["requests", "show", "req_x"][..], 2, "req_"),
        (&["lock"][..], 4, "no server is running"),
        (&["unlock"][..], 4, "no server is running"),
    ] {
        let ended = scene.run(arguments).failed_with(code);
        assert!(ended.stderr.contains(expected), "{arguments:?}: {}", ended.stderr);
    }
}

#[test]
fn models_have_prices_and_aliases() {
    let scene = Scene::with_sandbox().0;
    let models = scene.json(&["model", "list"]);
    assert!(models.as_array().unwrap().iter().any(|model| model["id"] == "sandbox/sandbox-small"), "{models}");
    scene.run(&["model", "price", "sandbox/sandbox-small", "--input", "2.50", "--output", "10"]).succeeded();
    let shown = scene.run(&["model", "price", "sandbox/sandbox-small"]).succeeded().stdout;
    assert!(shown.contains("2.50") && shown.contains("10.00") && shown.contains("operator"), "{shown}");
    scene.run(&["model", "price", "sandbox/sandbox-small", "--remove"]).succeeded();
    assert!(scene.run(&["model", "price", "sandbox/sandbox-small"]).stdout.contains("catalog"));
    scene.run(&["model", "price", "sandbox/sandbox-small", "--input", "cheap"]).failed_with(2);
    scene.run(&["model", "alias", "set", "fast", "sandbox/sandbox-small"]).succeeded();
    assert!(scene.run(&["model", "alias", "list"]).stdout.contains("sandbox/sandbox-small"));
    scene.run(&["model", "alias", "remove", "fast"]).succeeded();
}

#[test]
fn looking_works_without_a_server() {
    let scene = Scene::with_sandbox().0;
    assert!(scene.run(&["status"]).succeeded().stdout.contains("no server is running"));
    assert!(scene.run(&["usage"]).succeeded().stdout.contains("UTC"));
    assert!(scene.run(&["usage", "--format", "csv"]).succeeded().stdout.starts_with("attempts,"));
    assert!(scene.run(&["requests", "list"]).succeeded().stdout.contains("no calls"));
    let audit = scene.run(&["audit", "list"]).succeeded().stdout;
    for action in ["install.found", "admin_token.create", "provider.add", "key.add", "vkey.create"] {
        assert!(audit.contains(action), "{action}: {audit}");
    }
    let doctor = scene.run(&["doctor"]);
    assert!([0, 3].contains(&doctor.code) && doctor.stdout.contains("root key"), "{}", doctor.all());
}

#[test]
fn commands_at_the_same_time_wait_for_one_another() {
    let scene = Scene::founded();
    let names: Vec<String> = (0..6).map(|number| format!("app-{number}")).collect();
    std::thread::scope(|scope| {
        for name in &names {
            scope.spawn(|| scene.run(&["vkey", "create", name]).succeeded());
        }
    });
    // The wizard's own key is there too.
    assert_eq!(scene.json(&["vkey", "list"]).as_array().unwrap().len(), names.len() + 1);
}

#[test]
fn what_nobody_counted_is_not_shown_as_if_it_were() {
    let (scene, token) = Scene::with_sandbox();
    let bearer = format!("Bearer {token}");
    let server = scene.serve();
    let ask = |question: &str| {
        let body = format!(r#"{{"model":"sandbox-small","messages":[{{"role":"user","content":"{question}"}}]}}"#);
        http(server.data, "POST", "/v1/chat/completions", &[("authorization", &bearer)], &body).0
    };
    assert_eq!(ask("Hello"), 200);
    assert_eq!(ask("Hello [[no_usage]]"), 200);
    // In the middle of an answer the server dies.
    let body =
        r#"{"model":"sandbox-small","stream":true,"messages":[{"role":"user","content":"Hello [[gap_ms=20000]]"}]}"#;
    let stream = begin_stream(server.data, "/v1/chat/completions", &bearer, body);
    server.kill();
    drop(stream);

    let listed = scene.json(&["requests", "list"]);
    let of = |wanted: &dyn Fn(&serde_json::Value) -> bool| {
        listed["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|call| wanted(call))
            .unwrap_or_else(|| panic!("{listed}"))
            .clone()
    };
    let exact = of(&|call| call["estimated"] == false);
    let estimated = of(&|call| call["estimated"] == true && call["outcome"] == "completed");
    let unsettled = of(&|call| call["outcome"] == "unsettled");
    let text = scene.run(&["requests", "list"]).succeeded().stdout;
    let line = |call: &serde_json::Value| {
        text.lines().find(|line| line.contains(call["id"].as_str().unwrap())).unwrap().to_owned()
    };
    assert!(!line(&exact).contains('~'), "{text}");
    for call in [&estimated, &unsettled] {
        assert!(line(call).contains(&format!("~{}", call["cost_usd"].as_str().unwrap())), "{text}");
    }
    let shown =
        |call: &serde_json::Value| scene.run(&["requests", "show", call["id"].as_str().unwrap()]).succeeded().stdout;
    assert!(!shown(&exact).contains('~') && shown(&exact).contains("(provider)"), "{}", shown(&exact));
    assert_eq!(shown(&estimated).matches('~').count(), 2, "the call and its attempt: {}", shown(&estimated));
    let text = shown(&unsettled);
    assert!(text.contains("not counted") && text.contains("all that was reserved"), "{text}");
    assert!(!text.contains("null"), "{text}");
    let text = scene.run(&["status"]).succeeded().stdout;
    assert!(text.contains("3 rows") && text.contains("0 without a price, 1 unsettled"), "{text}");
}

#[test]
fn a_key_is_used_on_terms() {
    let scene = Scene::founded();
    let terms =
        ["--weight", "3", "--tier", "1", "--quota-group", "acme", "--model", "sandbox-*,*-mini", "--tag", "plan=paid"];
    let limits = ["--rpm", "500", "--tpm", "200000", "--rpd", "9", "--concurrency", "40", "--daily-usd", "12.5"];
    let add = [&["key", "add", "sandbox", "--name", "one"][..], &terms, &limits, &["--expires", "2099-03-01"]].concat();
    scene.run_with(&add, "the-first-key").succeeded();
    let shown = scene.json(&["key", "show", "one"]);
    let expected = serde_json::json!({
        "quota_group": "acme", "weight": 3, "tier": 1, "models": ["sandbox-*", "*-mini"], "tags": { "plan": "paid" },
        "limits": { "rpm": 500, "tpm": 200_000, "rpd": 9, "concurrency": 40, "daily_usd": "12.50" },
        "expires_at": "2099-03-01T00:00:00Z",
    });
    assert_eq!(shown["terms"], expected);
    let text = scene.run(&["key", "show", "one"]).succeeded().stdout;
    let line =
        |name: &str| text.lines().find(|line| line.trim_start().starts_with(name)).unwrap_or_default().to_owned();
    for (name, value) in [
        ("quota group", "acme"),
        ("weight", "3"),
        ("tier", "1"),
        ("only for", "sandbox-*, *-mini"),
        ("limits", "500 rpm, 200000 tpm, 9 rpd, 40 at once, 12.50 USD a day"),
        ("expires", "2099-03-01T00:00:00Z"),
        ("tags", "plan=paid"),
        ("state", "active"),
    ] {
        assert!(line(name).trim_end().ends_with(&format!("  {value}")), "{name}: {text}");
    }
    let list = scene.run(&["key", "list"]).succeeded().stdout;
    assert!(
        list.contains("TERMS") && list.contains("group acme, tier 1, weight 3, until 2099-03-01, 500 rpm, 200000 tpm"),
        "{list}"
    );
    assert!(scene.run(&["status"]).succeeded().stdout.contains("key sandbox/one: active"));
}

#[test]
fn an_update_changes_what_it_names() {
    let scene = Scene::founded();
    scene
        .run_with(&["key", "add", "sandbox", "--name", "one", "--weight", "3", "--rpm", "5", "--tpm", "7"], "a-key")
        .succeeded();
    scene.run(&["key", "update", "one"]).failed_with(2);
    scene
        .run(&["key", "update", "one", "--name", "main", "--tier", "2", "--no-rpm", "--tag", "a=b", "--tag", "c=d"])
        .succeeded();
    let shown = scene.json(&["key", "show", "main"]);
    let terms = &shown["terms"];
    assert_eq!((&terms["weight"], &terms["tier"]), (&serde_json::json!(3), &serde_json::json!(2)));
    assert_eq!((&terms["limits"]["rpm"], &terms["limits"]["tpm"]), (&serde_json::Value::Null, &serde_json::json!(7)));
    assert_eq!(terms["tags"], serde_json::json!({ "a": "b", "c": "d" }));
    let lift =
        ["--no-tpm", "--no-rpd", "--no-concurrency", "--no-daily-usd", "--no-tags", "--no-expiry", "--all-models"];
    let changed = scene.run(&[&["key", "update", "main", "--no-quota-group"][..], &lift].concat()).succeeded().stdout;
    assert!(!changed.contains("limits") && !changed.contains("tags"), "{changed}");
    for (arguments, said) in [
        (&["--weight", "0"][..], "a whole number from 1 to 1000"),
        (&["--tier", "300"][..], "a whole number from 0 to 255"),
        (&["--tag", "paid"][..], "name=value"),
        (&["--daily-usd", "much"][..], "nine decimals"),
        (&["--expires", "2001-01-01"][..], "disable or retire it"),
        (&["--rpm", "1", "--no-rpm"][..], "cannot be used with"),
    ] {
        let ended = scene.run(&[&["key", "update", "main"][..], arguments].concat()).failed_with(2);
        assert!(ended.stderr.contains(said), "{arguments:?}: {}", ended.stderr);
    }
    assert_eq!(scene.json(&["key", "show", "main"])["terms"]["weight"], 3);
}

#[test]
fn k10_a_key_is_drained_and_retired() {
    let (scene, token) = Scene::with_sandbox();
    let server = scene.serve();
    assert_eq!(crate::program::chat(server.data, &token).0, 200);
    let drained = scene.run(&["key", "drain", "primary"]).succeeded().stdout;
    assert!(drained.contains("sandbox/primary is draining: it gets no new calls"), "{drained}");
    assert_eq!(crate::program::chat(server.data, &token).0, 503, "no new calls");
    scene.run(&["key", "enable", "primary"]).succeeded();
    assert_eq!(crate::program::chat(server.data, &token).0, 200);
    scene.run(&["key", "retire", "primary"]).succeeded();
    assert_eq!(scene.json(&["key", "list"])[0]["state"], "retired");
    let refused = scene.run(&["key", "enable", "primary"]).failed_with(1);
    assert!(refused.stderr.contains("keyward key remove sandbox/primary"), "{}", refused.stderr);
    assert_eq!(crate::program::chat(server.data, &token).0, 503);
    let audit = scene.run(&["audit", "list"]).succeeded().stdout;
    for said in ["key.drain", "active -> draining", "key.retire", "active -> retired"] {
        assert!(audit.contains(said), "{said}: {audit}");
    }
}

#[test]
fn a_pool_and_an_alias_have_a_strategy() {
    let scene = Scene::with_sandbox().0;
    assert_eq!(scene.json(&["provider", "show", "sandbox"])["strategy"], "adaptive");
    scene.run(&["provider", "update", "sandbox", "--strategy", "round_robin"]).succeeded();
    assert!(scene.run(&["provider", "list"]).succeeded().stdout.contains("round_robin"));
    let wrong = scene.run(&["provider", "update", "sandbox", "--strategy", "best"]).failed_with(2);
    assert!(wrong.stderr.contains("`least_used`"), "{}", wrong.stderr);

    scene.run(&["provider", "update", "sandbox", "--concurrency", "25"]).succeeded();
    assert!(scene.run(&["provider", "show", "sandbox"]).succeeded().stdout.contains("calls at once  25"));
    assert!(scene.run(&["health", "summary"]).succeeded().stdout.contains(", 0 of 25 calls at once"));
    let route = scene.run(&["route", "explain", "sandbox/sandbox-small"]).succeeded().stdout;
    assert!(route.contains("takes 25 calls at once"), "{route}");
    let wrong = scene.run(&["provider", "update", "sandbox", "--concurrency", "none"]).failed_with(2);
    assert!(wrong.stderr.contains("`adaptive`, `off`"), "{}", wrong.stderr);
    scene.run(&["provider", "update", "sandbox", "--concurrency", "adaptive"]).succeeded();

    let (small, large, other) = ("sandbox/sandbox-small", "sandbox/sandbox-large", "sandbox/sandbox-other");
    let set = |more: &[&str]| scene.run(&[&["model", "alias", "set", "smart", small, large][..], more].concat());
    let said = set(&["--weights", "3,1", "--fallback", other, "--fallback-on", &format!("overloaded={other}")]);
    let said = said.succeeded().stdout;
    assert!(said.contains(&format!("`smart` stands for {small} (3), {large} (1).")), "{said}");
    assert!(said.contains(&format!("When these cannot serve: {other}; on overloaded {other}.")), "{said}");
    let list = scene.run(&["model", "alias", "list"]).succeeded().stdout;
    assert!(list.contains("weighted") && list.contains("(3)"), "{list}");
    // What is not named stays; strategy and fallbacks can be changed on their own.
    set(&["--strategy", "latency"]).succeeded();
    let alias = scene.json(&["model", "alias", "list"])[0].clone();
    assert_eq!(
        (&alias["strategy"], &alias["fallback"]["any"]),
        (&serde_json::json!("latency"), &serde_json::json!([other]))
    );
    set(&["--no-fallback"]).succeeded();
    assert_eq!(scene.json(&["model", "alias", "list"])[0]["fallback"], serde_json::json!({}));
    for (arguments, said) in [
        (&["--weights", "3"][..], "as many weights as there are targets"),
        (&["--fallback", small][..], "circle"),
        (&["--fallback-on", other][..], "context_too_long=provider/model"),
        (&["--fallback-on", "often=sandbox/x"][..], "`context_too_long`"),
    ] {
        let ended = set(arguments).failed_with(2);
        assert!(ended.stderr.contains(said), "{arguments:?}: {}", ended.stderr);
    }
}

#[test]
fn the_ledger_is_exported_corrected_and_priced_again() {
    let (scene, token) = Scene::with_sandbox();
    let server = scene.serve();
    for _ in 0..3 {
        assert_eq!(crate::program::chat(server.data, &token).0, 200);
    }
    let (ended, log) = server.stop();
    assert!(ended.success(), "{log}");
    let csv = scene.run(&["usage", "export"]).succeeded().stdout;
    assert!(csv.starts_with("request,attempt,at,outcome,cost_usd,cost_nanodollars,"), "{csv}");
    assert_eq!(csv.lines().count(), 4, "{csv}");
    let file = scene.path("rows.jsonl");
    let file_name = file.to_str().unwrap().to_owned();
    scene.run(&["usage", "export", "--format", "jsonl", "--output", &file_name]).succeeded();
    let rows = std::fs::read_to_string(&file).unwrap();
    let first: serde_json::Value = serde_json::from_str(rows.lines().next().unwrap()).unwrap();
    assert_eq!((rows.lines().count(), &first["outcome"]), (3, &serde_json::json!("completed")));
    scene.run(&["usage", "export", "--output", &file_name]).failed_with(2);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), rows, "a file that is there is left alone");
    let other = scene.path("nothing.csv");
    scene.run(&["usage", "export", "--since", "soon", "--output", other.to_str().unwrap()]).failed_with(2);
    assert!(!other.exists(), "what could not be finished is taken away");

    let request = first["request"].as_str().unwrap();
    let done = scene.run(&["requests", "correct", request, "--usd", "-0.05", "--reason", "refunded"]).succeeded();
    assert!(done.stdout.contains("was corrected by -0.05 USD") && done.stdout.contains("exceed"), "{}", done.stdout);
    let shown = scene.run(&["requests", "show", request]).succeeded().stdout;
    assert!(shown.contains("correction 128: of attempt 1") && shown.contains("refunded"), "{shown}");
    scene.run(&["requests", "correct", request, "--usd", "0", "--reason", "x"]).failed_with(2);

    scene.run(&["model", "price", "sandbox/sandbox-small", "--input", "1000", "--output", "1000"]).succeeded();
    let dry = scene.run(&["usage", "reprice", "--since", "1h", "--dry-run"]).succeeded().stdout;
    assert!(dry.contains("sandbox/sandbox-small") && dry.contains("3 corrections would be written"), "{dry}");
    assert!(scene.run(&["usage", "reprice", "--since", "1h"]).succeeded().stdout.contains("3 corrections were"));
    assert!(scene.run(&["usage", "reprice", "--since", "1h"]).succeeded().stdout.contains("0 corrections were"));
    scene.run(&["usage", "reconcile"]).succeeded();
    let usage = scene.run(&["usage", "--group-by", "day,tag", "--zone", "Asia/Seoul"]).succeeded().stdout;
    assert!(usage.contains("days of Asia/Seoul") && usage.contains("+09:00") && usage.contains("total"), "{usage}");
    let lines = scene.run(&["usage", "--group-by", "model", "--format", "jsonl"]).succeeded().stdout;
    assert!(lines.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{lines}");
    scene.run(&["usage", "--zone", "Mars/Olympus"]).failed_with(2);
}
