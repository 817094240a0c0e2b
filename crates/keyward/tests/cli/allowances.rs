//! Budgets and limits, as people set and see them.

use serde_json::json;

use crate::program::Scene;

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
    scene.run(&["budget", "set", "global", "--remove-top-up", "2099-11-01"]).failed_with(1);
    scene.run(&["budget", "set", "global", "--remove-top-up", "2099-10-31T15:00:00Z"]).succeeded();
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
