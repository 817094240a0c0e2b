//! Budgets and limits, as people set and see them.

use serde_json::{Value, json};

use crate::program::{Scene, chat, http};

#[test]
fn budgets_live_and_die() {
    let scene = Scene::with_sandbox().0;
    assert!(scene.run(&["budget", "list"]).succeeded().stdout.contains("There are no budgets"));
    scene
        .run(&[
            "budget",
            "set",
            "global",
            "--usd",
            "500",
            "--per",
            "day",
            "--zone",
            "Asia/Seoul",
            "--alert-at",
            "50,80,100",
        ])
        .succeeded();
    scene.run(&["budget", "set", "key:sandbox/primary", "--usd", "12.50", "--per", "rolling:7d", "--soft"]).succeeded();
    scene
        .run(&["budget", "set", "each:user", "--usd", "1", "--per", "week", "--week-starts", "sunday", "--observe"])
        .succeeded();
    let listed = scene.run(&["budget", "list"]).succeeded().stdout;
    assert!(listed.lines().any(|line| line.starts_with("key:sandbox/primary") && line.contains("12.50")), "{listed}");
    assert!(!listed.contains('\u{1b}'), "no colours without a terminal");
    let said =
        scene.run(&["budget", "set", "global", "--top-up", "50", "--until", "2099-12-01T00:00"]).succeeded().stdout;
    assert!(said.contains("500.00 USD, 550.00 USD with top-ups"), "{said}");
    assert!(said.contains("50.00 USD until 2099-11-30T15:00:00Z"), "midnight in Seoul: {said}");
    scene.run(&["budget", "set", "global", "--top-up", "7", "--until", "2099-11-01"]).succeeded();
    scene.run(&["budget", "set", "global", "--remove-top-up", "2099-11-02"]).failed_with(1);
    scene.run(&["budget", "set", "global", "--remove-top-up", "2099-11-01"]).succeeded();
    let shown = scene.json(&["budget", "show", "global"]);
    assert_eq!(shown[0]["top_ups"], json!([{ "usd": "50.00", "until": "2099-11-30T15:00:00Z" }]));
    assert_eq!(shown[0]["alert_at"], json!(["50", "80", "100"]));
    scene.run(&["budget", "set", "global", "--no-top-ups", "--no-alerts", "--hold", "strict", "--hard"]).succeeded();
    let shown = scene.run(&["budget", "show", "global"]).succeeded().stdout;
    assert!(shown.contains("strict") && !shown.contains("topped up"), "{shown}");
    scene.run(&["budget", "set", "global", "--usd", "9000", "--per", "month", "--month-day", "15"]).succeeded();
    assert_eq!(scene.json(&["budget", "show", "global"]).as_array().unwrap().len(), 2);
    scene.run(&["budget", "delete", "global"]).failed_with(1);
    scene.run(&["budget", "delete", "global", "--per", "month"]).succeeded();
    scene.run(&["budget", "delete", "global"]).succeeded();
    scene.run(&["budget", "show", "global"]).failed_with(1);
    let audit = scene.run(&["audit", "list"]).succeeded().stdout;
    assert!(audit.contains("budget.set") && audit.contains("budget.delete"), "{audit}");
}

#[test]
fn limits_live_and_die() {
    let scene = Scene::with_sandbox().0;
    assert!(scene.run(&["limit", "list"]).succeeded().stdout.contains("There are no limits"));
    let said = scene
        .run(&["limit", "set", "global", "--rpm", "1000", "--tpm", "20000", "--concurrency", "8"])
        .succeeded()
        .stdout;
    for line in ["global: 1000 requests per minute", "global: 20000 tokens per minute", "global: 8 calls at once"] {
        assert!(said.lines().any(|said| said == line), "{line}: {said}");
    }
    let long = [
        "--meter",
        "output_tokens",
        "--quota",
        "1000",
        "--per",
        "minute",
        "--burst",
        "20",
        "--observe",
        "--on-loss",
        "open",
    ];
    scene.run(&[&["limit", "set", "each:user"][..], &long].concat()).succeeded();
    let shown = scene.json(&["limit", "show", "each:user"]);
    assert_eq!(
        (&shown[0]["burst"], &shown[0]["mode"], &shown[0]["on_loss"]),
        (&json!(20), &json!("observe"), &json!("open"))
    );
    scene
        .run(&["limit", "set", "each:user", "--meter", "output_tokens", "--per", "minute", "--no-burst", "--enforce"])
        .succeeded();
    assert!(scene.json(&["limit", "show", "each:user"])[0]["burst"].is_null());
    let listed = scene.run(&["limit", "list"]).succeeded().stdout;
    assert_eq!(listed.lines().count(), 5, "{listed}");
    scene.run(&["limit", "delete", "global"]).failed_with(1);
    scene.run(&["limit", "delete", "global", "--meter", "concurrency"]).succeeded();
    scene.run(&["limit", "delete", "each:user"]).succeeded();
    assert_eq!(scene.json(&["limit", "list"]).as_array().unwrap().len(), 2);
}

#[test]
fn wrong_budgets_and_limits_name_the_remedy() {
    let scene = Scene::founded();
    for (arguments, code, expected) in [
        (&["budget", "set", "everything", "--usd", "5", "--per", "day"][..], 2, "each:user"),
        (&["budget", "set", "team:nobody", "--usd", "5", "--per", "day"][..], 1, "There is no team"),
        (&["budget", "show", "team:nobody"], 1, "`keyward team list` shows what there is"),
        (&["limit", "set", "global", "--rpm", "-1"], 2, "write a whole number, such as 100"),
        (&["budget", "set", "global", "--usd", "-5", "--per", "day"][..], 2, "not negative"),
        (&["budget", "set", "global", "--usd", "0.0000000001", "--per", "day"][..], 2, "nine decimals"),
        (&["budget", "set", "global", "--usd", "5"][..], 2, "window"),
        (&["budget", "set", "global", "--usd", "5", "--per", "10m"][..], 2, "quarters of an hour"),
        (&["budget", "set", "global", "--usd", "5", "--per", "day", "--zone", "Mars"][..], 2, "Europe/Berlin"),
        (&["budget", "set", "global", "--usd", "5", "--per", "month", "--month-day", "31"][..], 2, "1 to 28"),
        (&["budget", "set", "global", "--top-up", "5"][..], 2, "--until"),
        (&["budget", "set", "global", "--soft", "--hard"][..], 2, "cannot be used with"),
        (&["budget", "show", "global"][..], 1, "keyward budget set global"),
        (&["limit", "set", "global"][..], 2, "--rpm 100"),
        (&["limit", "set", "global", "--rpm", "-1"][..], 2, "'-1'"),
        (&["limit", "set", "global", "--rpm", "5", "--burst", "6"][..], 2, "the quota (5)"),
        (&["limit", "set", "global", "--meter", "calls", "--quota", "1"][..], 2, "requests"),
        (&["limit", "show", "global"][..], 1, "keyward limit set global"),
    ] {
        let ended = scene.run(arguments).failed_with(code);
        assert!(ended.stderr.contains(expected), "{arguments:?}: {}", ended.stderr);
    }
    assert_eq!(scene.json(&["budget", "list"]), json!([]));
    assert_eq!(scene.json(&["limit", "list"]), json!([]));
}

/// What the file sets, for a place with the sandbox.
const FILE: &str = "\
budgets:
  global: { usd: 500, per: day, zone: Asia/Seoul, alert_at: [0.5, 0.8, 1.0] }
  providers: { sandbox: { usd: 5, per: day } }
limits:
  global: { rpm: 1000 }
  per_user: { rpm: 10 }
";

#[test]
fn what_the_file_sets_is_read_only_elsewhere() {
    let scene = Scene::with_sandbox().0;
    scene.run(&["budget", "set", "global", "--usd", "9000", "--per", "month"]).succeeded();
    scene.config(FILE);
    let listed = scene.json(&["budget", "list"]);
    let rows: Vec<_> =
        listed.as_array().unwrap().iter().map(|row| (row["scope"].as_str(), row["per"].as_str())).collect();
    assert_eq!(
        rows,
        [(Some("global"), Some("day")), (Some("global"), Some("month")), (Some("provider:sandbox"), Some("day"))]
    );
    assert_eq!(listed[0]["alert_at"], json!(["50", "80", "100"]));
    let limits = scene.json(&["limit", "list"]);
    assert_eq!((&limits[0]["scope"], &limits[0]["quota"]), (&json!("each:user"), &json!(10)));
    assert_eq!((&limits[1]["scope"], &limits[1]["quota"]), (&json!("global"), &json!(1000)));
    for (arguments, path) in [
        (&["budget", "set", "global", "--per", "day", "--usd", "1"][..], "`budgets.global`"),
        (
            &["budget", "set", "global", "--per", "day", "--top-up", "1", "--until", "2099-01-01"][..],
            "`budgets.global`",
        ),
        (&["budget", "delete", "provider:sandbox"][..], "`budgets.providers.sandbox`"),
        (&["limit", "set", "each:user", "--rpm", "99"][..], "`limits.per_user`"),
        (&["limit", "delete", "global"][..], "`limits.global`"),
    ] {
        let ended = scene.run(arguments).failed_with(1);
        assert!(ended.stderr.contains(path) && ended.stderr.contains("belongs to the config file"), "{}", ended.stderr);
    }
    // What goes would take the file's budget along: the file has to let go first.
    scene.run(&["key", "remove", "sandbox/primary"]).succeeded();
    let ended = scene.run(&["provider", "remove", "sandbox"]).failed_with(1);
    assert!(ended.stderr.contains("`budgets.providers.sandbox`"), "{}", ended.stderr);
    // Another window on the same scope is nobody's yet.
    scene.run(&["budget", "set", "global", "--usd", "3000", "--per", "week"]).succeeded();
    // Ids stay the same, so that what was spent stays with them; what changes is a revision further.
    let before = listed[0]["id"].clone();
    scene.config(&FILE.replace("usd: 500", "usd: 400"));
    let after = scene.json(&["budget", "show", "global", "--per", "day"]);
    assert_eq!((&after[0]["id"], &after[0]["usd"]), (&before, &json!("400.00")));
}

#[test]
fn what_the_file_adds_for_a_while_counts_until_it_ends() {
    let scene = Scene::with_sandbox().0;
    let file = "budgets: { global: { usd: 5, per: day, top_ups: [ { usd: 7, until: 2099-01-01 }, { usd: 1, until: 2001-01-01 } ] } }";
    scene.config(file);
    let shown = scene.json(&["budget", "show", "global"]);
    assert_eq!((&shown[0]["usd"], &shown[0]["usd_now"]), (&json!("5.00"), &json!("12.00")));
    assert_eq!(shown[0]["top_ups"], json!([{ "usd": "7.00", "until": "2099-01-01T00:00:00Z" }]));
    let refused = scene.run(&["budget", "set", "global", "--no-top-ups"]).failed_with(1);
    assert!(refused.stderr.contains("belongs to the config file"), "{}", refused.stderr);
    // What it adds later reaches a server that runs.
    let server = scene.serve();
    scene.config(&file.replace("usd: 7", "usd: 8"));
    scene.run(&["config", "apply"]).succeeded();
    assert_eq!(scene.json(&["budget", "show", "global"])[0]["usd_now"], json!("13.00"));
    drop(server);
}

#[test]
fn what_a_tenant_sets_stands_beside_what_the_file_sets_on_it() {
    let scene = Scene::with_sandbox().0;
    scene.run(&["tenant", "create", "acme"]).succeeded();
    scene.config("budgets: { tenants: { acme: { usd: 5, per: day } } }\nlimits: { tenants: { acme: { rpm: 60 } } }\n");
    let token = scene.run(&["admin-token", "create", "acmes", "--role", "operator", "--tenant", "acme"]).succeeded();
    std::fs::write(scene.path("token"), token.stdout.trim()).unwrap();
    let server = scene.serve();
    let (url, file) = (format!("http://{}", server.admin), scene.path("token"));
    let as_acme =
        |arguments: &[&str]| scene.run(&[arguments, &["--url", &url, "--token-file", file.to_str().unwrap()]].concat());
    as_acme(&["budget", "set", "tenant:acme", "--usd", "500", "--per", "day"]).succeeded();
    as_acme(&["limit", "set", "tenant:acme", "--rpm", "6000"]).succeeded();
    for noun in ["budget", "limit"] {
        let listed = as_acme(&[noun, "list"]).succeeded().stdout;
        assert_eq!(listed.lines().filter(|line| line.contains("tenant:acme")).count(), 2, "{listed}");
        assert_eq!(listed.lines().filter(|line| line.contains("the tenant's")).count(), 1, "{listed}");
        as_acme(&[noun, "delete", "tenant:acme"]).succeeded();
        let refused = as_acme(&[noun, "delete", "tenant:acme"]).failed_with(4);
        assert!(refused.stderr.contains("set by those who administer the installation"), "{}", refused.stderr);
    }
    as_acme(&["budget", "set", "tenant:acme", "--usd", "500", "--per", "day"]).succeeded();
    let refused = as_acme(&["budget", "set", "global", "--usd", "500", "--per", "day"]).failed_with(4);
    assert!(refused.stderr.contains("one tenant only"), "{}", refused.stderr);
    drop(server);
    // Nobody's own keeps the installation's file from being loaded.
    let _server = scene.serve();
    assert_eq!(scene.json(&["budget", "show", "tenant:acme"]).as_array().unwrap().len(), 2);
}

#[test]
fn a_file_that_names_nobody_or_what_is_set_already_is_refused_with_its_place() {
    let scene = Scene::with_sandbox().0;
    scene.run(&["budget", "set", "global", "--usd", "1", "--per", "day"]).succeeded();
    for (text, said) in [
        (
            "budgets: { teams: { nobody: { usd: 1, per: day } } }",
            "keyward.yaml:1:29: `budgets.teams.nobody`: There is no team `nobody`",
        ),
        ("limits: { keys: { sandbox/other: { rpm: 1 } } }", "`limits.keys.sandbox/other`: There is no provider key"),
        (
            "budgets: { keys: { primary: { usd: 1, per: day }, sandbox/primary: { usd: 2, per: day } } }",
            "has this window already",
        ),
        ("budgets: { global: { usd: 2, per: day } }", "take it out of the file, or run `keyward budget delete bud_"),
    ] {
        scene.config(text);
        let ended = scene.run(&["serve"]);
        assert!(ended.code != 0 && ended.all().contains(said), "{text}: {}", ended.all());
    }
}

#[test]
fn m05_what_a_client_is_told_is_what_the_command_line_shows() {
    let (scene, token) = Scene::with_sandbox();
    scene.run(&["model", "price", "sandbox/sandbox-small", "--input", "2.50", "--output", "10"]).succeeded();
    let server = scene.serve();
    assert_eq!(chat(server.data, &token).0, 200);
    scene.run(&["budget", "set", "vkey:app", "--usd", "1", "--per", "month", "--zone", "Asia/Seoul"]).succeeded();
    let spent = |at: usize| {
        let shown = scene.json(&["budget", "show", "vkey:app"]);
        shown[at]["balances"][0]["spent_nanodollars"].as_i64().unwrap()
    };
    // What was spent before the budget was set is in it, once its row has come from the journal into the store.
    let first = (0..100).map(|_| spent(0)).find(|spent| *spent > 0).expect("the row never came");
    assert_eq!(chat(server.data, &token).0, 200);
    assert_eq!(spent(0), 2 * first, "the same call costs the same, and is seen at once");
    let listed = scene.run(&["budget", "list"]).succeeded().stdout;
    assert!(
        listed.is_ascii() && listed.lines().any(|line| line.starts_with("vkey:app") && line.contains("0 %")),
        "{listed}"
    );

    let usd = format!("0.{:09}", 2 * first + 1);
    scene.run(&["budget", "set", "vkey:app", "--usd", &usd]).succeeded();
    let (status, body) = chat(server.data, &token);
    assert_eq!(status, 402, "{body}");
    let refused: Value = serde_json::from_str(&body).unwrap();
    let shown = scene.json(&["budget", "show", "vkey:app"])[0].clone();
    let line = shown["balances"][0].clone();
    let error = &refused["error"];
    assert_eq!((&error["scope"], &error["budget_id"]), (&json!("vkey:app"), &shown["id"]), "{body}");
    let by_id = scene.json(&["budget", "show", shown["id"].as_str().unwrap()]);
    assert_eq!(by_id[0]["id"], shown["id"]);
    let key = scene.json(&["vkey", "show", "app"])["id"].as_str().unwrap().to_owned();
    assert_eq!(scene.json(&["budget", "show", &format!("vkey:{key}")])[0]["id"], shown["id"]);
    let told = ["limit", "spent", "reserved"]
        .map(|name| error.pointer(&format!("/budget/{name}")).or(error.get(name)).cloned());
    let shown = ["limit_usd", "spent_usd", "reserved_usd"].map(|name| line.get(name).cloned());
    assert_eq!(told, shown, "{body} {line}");
    assert_eq!(line["left_nanodollars"], 1);
    // The call needs more than the whole budget, so that there is no moment at which it fits.
    assert!(error.get("resets_at").is_none() && line["resets_at"].is_string(), "{body} {line}");
    // Nothing stood in the key's way.
    let request = error["request_id"].as_str().unwrap();
    let asked = (0..100).map(|_| scene.run(&["requests", "explain", request]));
    let told = asked.map(|run| run.stdout.clone()).find(|told| told.contains("budget_exceeded")).expect("no row");
    assert!(told.contains("nothing held it back; the call was refused with budget_exceeded"), "{told}");
    assert!(!told.contains("another was preferred"), "{told}");
    let status = scene.json(&["status"]);
    assert_eq!(status["exhausted_budgets"], json!([]), "one nano-dollar is left");
    scene.run(&["budget", "set", "vkey:app", "--usd", &format!("0.{:09}", 2 * first)]).succeeded();
    let status = scene.json(&["status"]);
    assert_eq!(status["exhausted_budgets"][0]["scope"], "vkey:app");
    let told = scene.run(&["status"]).succeeded().stdout;
    assert!(told.contains("The budget of `vkey:app` per month is used up"), "{told}");
    scene.run(&["budget", "set", "vkey:app", "--top-up", "1", "--until", "2099-01-01"]).succeeded();
    assert_eq!(chat(server.data, &token).0, 200, "more money for a while");
    drop(server);
    // Without a server the ledger says the same.
    assert_eq!(spent(0), 3 * first);
}

#[test]
fn m08_an_unknown_price_is_loud_everywhere() {
    let (scene, token) = Scene::with_sandbox();
    let doctor = |scene: &Scene| scene.run(&["doctor"]).all();
    assert!(doctor(&scene).contains("every model on offer has a price or is free"), "{}", doctor(&scene));
    scene.run(&["provider", "update", "sandbox", "--free", "false", "--catalog", "nothing"]).succeeded();
    scene.run(&["model", "alias", "set", "small", "sandbox/sandbox-small"]).succeeded();
    let body = r#"{"model":"sandbox/sandbox-small","max_tokens":5,"messages":[{"role":"user","content":"Hi"}]}"#;
    let server = scene.serve();
    let call =
        || http(server.data, "POST", "/v1/chat/completions", &[("authorization", &format!("Bearer {token}"))], body);
    assert_eq!([call().0, call().0], [200, 200], "no budget applies");

    // Badges: in the list of models, in reports, and in the list of calls.
    let listed = scene.run(&["model", "list", "--price", "unknown"]).succeeded().stdout;
    assert!(listed.lines().any(|line| line.contains("sandbox/sandbox-small") && line.contains("unknown")), "{listed}");
    let unpriced = || scene.json(&["usage"])["total"]["unpriced"].as_i64().unwrap();
    assert!((0..100).any(|_| unpriced() == 2), "{}", scene.json(&["usage"]));
    let usage = scene.run(&["usage"]).succeeded().stdout;
    assert!(usage.contains("NO PRICE"), "{usage}");
    let calls = scene.run(&["requests", "list"]).succeeded().stdout;
    assert!(calls.contains("unknown"), "{calls}");
    // Warnings: of what was called, and of what somebody chose.
    let warnings = scene.json(&["status"])["warnings"].to_string();
    assert!(warnings.contains("2 ledger rows have no price"), "{warnings}");
    assert!(
        warnings.contains("The alias `small` leads to `sandbox/sandbox-small`, whose price is unknown."),
        "{warnings}"
    );
    let found = scene.run(&["doctor"]).failed_with(3).all();
    assert!(found.contains("missing in every report"), "{found}");

    // Where a budget applies nothing is sent, and that is told too.
    scene.run(&["budget", "set", "global", "--usd", "1000", "--per", "day"]).succeeded();
    for (status, body) in [call(), call()] {
        assert!(status == 503 && body.contains("price_unknown"), "{status} {body}");
    }
    let found = scene.run(&["doctor"]).failed_with(3).all();
    assert!(found.contains("`sandbox/sandbox-small`") && found.contains("a hard budget that applies"), "{found}");
    let warnings = scene.json(&["status"])["warnings"].to_string();
    assert!(warnings.contains("unknown, and budgets refuse what has none"), "{warnings}");
    let metrics = http(server.admin, "GET", "/metrics", &[], "").1;
    let names = r#"{provider="sandbox",model="sandbox-small"} 2"#;
    for series in ["keyward_unpriced_attempts_total", "keyward_price_unknown_total"] {
        assert!(metrics.contains(&format!("{series}{names}")), "{metrics}");
    }

    // Once it has a price all is quiet.
    scene.run(&["model", "price", "sandbox/sandbox-small", "--input", "1", "--output", "2"]).succeeded();
    assert_eq!(call().0, 200);
    let warnings = scene.json(&["status"])["warnings"].to_string();
    assert!(!warnings.contains("The alias `small`"), "{warnings}");
    let (_, log) = server.stop();
    for said in ["missing in every report", "serves no call that a hard budget applies to"] {
        assert_eq!(log.matches(said).count(), 1, "said once: {log}");
    }
}

#[test]
fn limits_show_what_is_in_use() {
    let (scene, token) = Scene::with_sandbox();
    let server = scene.serve();
    scene.run(&["limit", "set", "vkey:app", "--rpm", "2"]).succeeded();
    scene.run(&["limit", "set", "each:vkey", "--rpd", "100"]).succeeded();
    assert_eq!([(); 3].map(|()| chat(server.data, &token).0), [200, 200, 429]);
    let listed = scene.run(&["limit", "list"]).succeeded().stdout;
    let row = listed.lines().find(|line| line.starts_with("vkey:app")).unwrap();
    assert_eq!(
        row.split_whitespace().collect::<Vec<_>>()[..7],
        ["vkey:app", "2", "requests", "per", "minute", "2", "0"],
        "{listed}"
    );
    let shown = scene.run(&["limit", "show", "vkey:app"]).succeeded().stdout;
    assert!(shown.contains("2 by vkey:app, 0 left now, all of it free at 20"), "{shown}");
    assert!(
        shown.contains("each:vkey: 100 requests per day") && shown.contains("2 by vkey:app, 98 left now"),
        "{shown}"
    );
}
