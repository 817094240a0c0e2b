//! `keyward lease`, against a server that runs: the round trip of the guide, and what it says when something is wrong.

use crate::program::{Scene, Served};

/// A server with the sandbox, and a virtual key that may take leases, in a file for `--vkey-file`.
struct House {
    scene: Scene,
    server: Served,
}

impl House {
    fn new() -> Self {
        let (scene, other) = Scene::with_sandbox();
        let created =
            scene.run(&["vkey", "create", "batch", "--operation", "lease", "--operation", "chat"]).succeeded();
        std::fs::write(scene.path("batch"), created.stdout).unwrap();
        std::fs::write(scene.path("other"), other).unwrap();
        let server = scene.serve();
        Self { scene, server }
    }

    fn open(&self) -> Vec<serde_json::Value> {
        self.scene.json(&["lease", "list"]).as_array().unwrap().clone()
    }
}

/// The arguments with those that say whom to ask and as whom.
fn lease<'a>(arguments: &[&'a str], data: &'a str) -> Vec<&'a str> {
    [&["lease"], arguments, &["--data", data, "--vkey-file", "batch"]].concat()
}

#[test]
fn a_lease_is_taken_used_and_reported() {
    let house = House::new();
    let (scene, data) = (&house.scene, house.server.data.to_string());
    assert!(scene.run(&["lease", "list"]).succeeded().stdout.contains("No lease is open."));

    let taken = scene.json(&lease(&["take", "sandbox-small", "--ttl", "300"], &data));
    assert_eq!(taken["secret"], "sandbox-key-one");
    assert_eq!((taken["provider"].as_str(), taken["key"].as_str()), (Some("sandbox"), Some("primary")), "{taken}");
    let id = taken["id"].as_str().unwrap();

    let open = house.open();
    assert_eq!(open.len(), 1);
    for (field, value) in [
        ("id", id),
        ("state", "open"),
        ("virtual_key_name", "batch"),
        ("provider", "sandbox"),
        ("key", "primary"),
        ("model", "sandbox-small"),
        ("expires_at", taken["expires_at"].as_str().unwrap()),
    ] {
        assert_eq!(open[0][field], value, "{field}: {open:?}");
    }
    let listed = scene.run(&["lease", "list"]).succeeded().all();
    for said in [id, "batch", "sandbox", "primary", "sandbox-small", "open"] {
        assert!(listed.contains(said), "{said}: {listed}");
    }
    assert!(!format!("{listed}{open:?}").contains("sandbox-key-one"), "a list never shows a secret");

    let report = ["report", id, "--input", "1200", "--output", "340"];
    let reported = scene.json(&lease(&report, &data));
    assert_eq!((&reported["state"], &reported["outcome"]), (&"reported".into(), &"it served".into()), "{reported}");
    assert!(house.open().is_empty());
    let again = scene.run(&lease(&report, &data)).failed_with(1);
    assert!(again.stderr.contains("This lease is over"), "{}", again.stderr);

    let House { scene, server } = house;
    server.stop();
    // One row, priced like a call, under the lease's id, and both ends in the audit log.
    let shown = scene.json(&["requests", "show", id]);
    assert_eq!((&shown["operation"], &shown["virtual_key_name"]), (&"lease".into(), &"batch".into()), "{shown}");
    assert_eq!(shown["cost_usd"], reported["cost_usd"], "{shown}");
    let audit = scene.run(&["audit", "list"]).succeeded().stdout;
    assert!(audit.contains("lease.take") && audit.contains("lease.report") && audit.contains("vkey:batch"), "{audit}");
}

#[test]
fn people_read_what_they_took_and_what_it_cost() {
    let house = House::new();
    let (scene, data) = (&house.scene, house.server.data.to_string());
    let taken = scene.run(&lease(&["take", "sandbox-small"], &data)).succeeded();
    let id = taken.stdout.lines().next().unwrap().to_owned();
    assert!(id.starts_with("req_"), "{}", taken.stdout);
    for (name, value) in
        [("provider", "sandbox"), ("model", "sandbox-small"), ("key", "primary"), ("secret", "sandbox-key-one")]
    {
        let line = taken.stdout.lines().find(|line| line.trim_start().starts_with(name)).unwrap_or_default();
        assert!(line.ends_with(value), "{name}: {}", taken.stdout);
    }
    assert!(taken.stderr.contains("keyward lease report"), "{}", taken.stderr);
    let reported = scene.run(&lease(&["report", &id, "--input", "1200", "--output", "340"], &data)).succeeded();
    assert!(reported.stdout.starts_with("Reported: it served ($"), "{}", reported.stdout);

    // A wish for a provider, given back unused.
    let taken = scene.json(&lease(&["take", "--provider", "sandbox"], &data));
    assert_eq!(taken["model"], serde_json::Value::Null);
    assert!(scene.run(&["lease", "list"]).succeeded().stdout.contains("  any  "));
    let returned = scene.run(&lease(&["return", taken["id"].as_str().unwrap()], &data)).succeeded();
    assert_eq!(returned.stdout, "Given back unused; it costs nothing.\n");
    assert!(house.open().is_empty());
}

#[test]
fn a_report_of_trouble_lets_the_key_rest() {
    let house = House::new();
    let (scene, data) = (&house.scene, house.server.data.to_string());
    let taken = scene.json(&lease(&["take", "sandbox-small"], &data));
    let id = taken["id"].as_str().unwrap();
    let report = ["report", id, "--outcome", "rate_limited", "--retry-after", "600"];
    let reported = scene.run(&lease(&report, &data)).succeeded();
    assert!(reported.stdout.contains("rate limited"), "{}", reported.stdout);
    let refused = scene.run(&lease(&["take", "sandbox-small"], &data)).failed_with(1);
    assert!(refused.stderr.contains("is resting. Try again in"), "{}", refused.stderr);
    let status = scene.run(&["status"]).succeeded().stdout;
    assert!(!status.contains("key sandbox/primary: active, active"), "{status}");
}

#[test]
fn what_is_wrong_with_a_lease_is_said() {
    let house = House::new();
    let (scene, data) = (&house.scene, house.server.data.to_string());
    let taken = scene.json(&lease(&["take", "sandbox-small"], &data));
    let id = taken["id"].as_str().unwrap();
    std::fs::write(scene.path("wrong"), "no-key-at-all\n").unwrap();
    let unknown = "req_00000000000000000000000000";
    for (arguments, vkey, code, said) in [
        (&["take", "sandbox-small"][..], "wrong", 4, "key"),
        (&["take", "sandbox-small"], "other", 4, "may not use the operation `lease`"),
        (&["report", id], "other", 4, "may not use the operation `lease`"),
        (&["return", id], "wrong", 4, "key"),
        (&["report", unknown], "batch", 1, "has no such lease"),
        (&["return", unknown], "batch", 1, "has no such lease"),
        (&["return", "not-an-id"], "batch", 1, "has no such lease"),
        (&["take", "nobody-offers-this"], "batch", 1, "nobody-offers-this"),
        (&["take", "--provider", "nobody"], "batch", 1, "There is no such provider"),
        (&["take"], "batch", 2, "MODEL"),
        (&["take", "sandbox-small", "--ttl", "3601"], "batch", 2, "3600"),
        (&["report", id, "--outcome", "fine"], "batch", 2, "rate_limited"),
        (&["take", "sandbox-small"], "not-there", 2, "not-there"),
    ] {
        let all = [&["lease"], arguments, &["--data", &data, "--vkey-file", vkey]].concat();
        let ended = scene.run(&all).failed_with(code);
        assert!(ended.stderr.contains(said), "{all:?}: {}", ended.stderr);
        assert!(!ended.all().contains("sandbox-key-one"));
    }
    // None of that ended the lease, and scripts read failures as JSON.
    assert_eq!(house.open().len(), 1);
    let refused = scene.run(&lease(&["return", unknown, "--json"], &data)).failed_with(1);
    let error: serde_json::Value = serde_json::from_str(refused.stderr.trim()).unwrap();
    assert_eq!(error["error"]["exit"], 1);

    // Another virtual key that may take leases does not get at this one.
    let created = scene.run(&["vkey", "create", "rival", "--operation", "lease"]).succeeded();
    std::fs::write(scene.path("rival"), created.stdout).unwrap();
    let all = ["lease", "return", id, "--data", &data, "--vkey-file", "rival"];
    assert!(scene.run(&all).failed_with(1).stderr.contains("has no such lease"));
    assert_eq!(house.open().len(), 1);
}

#[test]
fn an_operation_that_is_misspelt_is_no_grant() {
    let scene = Scene::founded();
    let ended = scene.run(&["vkey", "create", "batch", "--operation", "leases"]).failed_with(2);
    assert!(ended.stderr.contains("lease"), "{}", ended.stderr);
}

#[test]
fn without_a_server_a_lease_says_how_to_get_one_and_open_ones_are_listed() {
    let house = House::new();
    let data = house.server.data.to_string();
    let taken = house.scene.json(&lease(&["take", "sandbox-small"], &data));
    let arguments = lease(&["return", taken["id"].as_str().unwrap()], &data);
    let House { scene, server } = house;
    server.kill();
    let ended = scene.run(&arguments).failed_with(4);
    assert!(ended.stderr.contains("keyward serve") && ended.stderr.contains("--data"), "{}", ended.stderr);
    assert_eq!(scene.json(&["lease", "list"])[0]["id"], taken["id"]);

    // It outlives the server: the next one takes it back. The key may come from the environment too.
    let vkey = std::fs::read_to_string(scene.path("batch")).unwrap();
    let scene = scene.set("KEYWARD_VKEY", vkey.trim());
    let server = scene.serve();
    let data = server.data.to_string();
    scene.run(&["lease", "return", taken["id"].as_str().unwrap(), "--data", &data]).succeeded();
    assert_eq!(scene.json(&["lease", "list"]), serde_json::json!([]));
}
