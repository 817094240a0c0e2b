use crate::program::Scene;

#[test]
fn a120_a_wrong_config_is_refused_with_place_and_remedy() {
    let scene = Scene::founded();
    scene.config("listen:\n  dta: 127.0.0.1:1\nworkers: many\n");
    // A check did what it was asked to and found something; the others could not begin.
    for (arguments, code) in [(&["config", "check"][..], 3), (&["serve"][..], 2), (&["key", "list"][..], 2)] {
        let ended = scene.run(arguments).failed_with(code);
        let text = ended.all();
        assert!(text.contains("keyward.yaml:2:3: `listen.dta`: is not a known field; did you mean `data`?"), "{text}");
        assert!(text.contains("keyward.yaml:3:10: `workers`: takes a whole number from 1 to 256"), "{text}");
    }
    let checked = scene.run(&["config", "check", "--json"]).failed_with(3);
    let checked: serde_json::Value = serde_json::from_str(&checked.stdout).unwrap();
    assert_eq!(checked["problems"].as_array().unwrap().len(), 2);
    assert_eq!(checked["problems"][0]["place"], "keyward.yaml:2:3");
}

#[test]
fn a_right_config_is_said_to_be_fine() {
    let scene = Scene::founded();
    assert!(scene.run(&["config", "check"]).succeeded().stdout.contains("defaults: fine"));
    scene.config("listen: { data: 127.0.0.1:1234 }\n");
    assert!(scene.run(&["config", "check"]).succeeded().stdout.contains("127.0.0.1:1234"));
    let named = scene.path("other.yaml");
    std::fs::write(&named, "workers: 2\n").unwrap();
    scene.run(&["config", "check", named.to_str().unwrap()]).succeeded();
}

#[test]
fn a_config_that_cannot_be_read_is_no_finding() {
    let scene = Scene::founded();
    let missing = scene.run(&["config", "check", "--config", "not-there.yaml"]).failed_with(2);
    assert!(missing.stdout.contains("not-there.yaml"), "{}", missing.all());
    let folder = scene.path("folder.yaml");
    std::fs::create_dir(&folder).unwrap();
    let unreadable = scene.run(&["config", "check", folder.to_str().unwrap(), "--json"]).failed_with(1);
    let told: serde_json::Value = serde_json::from_str(&unreadable.stdout).unwrap();
    assert!(told["problems"][0]["message"].as_str().unwrap().contains("cannot be read"), "{told}");
    // An override in the environment is part of what is checked.
    let scene = scene.set("KEYWARD_WORKERS", "many");
    scene.run(&["config", "check"]).failed_with(3);
}

#[test]
fn objects_of_the_file_are_seen_everywhere_and_changed_only_there() {
    let scene = Scene::founded().set("FILE_KEY", "a-key-from-the-environment");
    scene.config(
        "providers:\n  box: { kind: sandbox, base_url: 'sandbox://built-in', keys: [ { name: main, key: '${env:FILE_KEY}' } ] }\n\
         aliases:\n  fast: { targets: [box/sandbox-small] }\n",
    );
    let keys = scene.json(&["key", "list"]);
    assert_eq!(keys[0]["provider"], "box");
    assert_eq!(keys[0]["state"], "active");
    assert_eq!(scene.json(&["model", "alias", "list"])[0]["name"], "fast");
    for arguments in [
        &["key", "remove", "box/main"][..],
        &["key", "disable", "box/main"][..],
        &["key", "drain", "box/main"][..],
        &["key", "retire", "box/main"][..],
        &["key", "update", "box/main", "--weight", "2"][..],
        &["provider", "update", "box", "--strategy", "single"][..],
        &["provider", "update", "box", "--free", "true"][..],
        &["model", "alias", "remove", "fast"][..],
        &["model", "alias", "set", "fast", "box/sandbox-large"][..],
    ] {
        let ended = scene.run(arguments).failed_with(1);
        assert!(ended.stderr.contains("belongs to the config file"), "{arguments:?}: {}", ended.stderr);
    }
    let ended = scene.run_with(&["key", "add", "box"], "another-key").failed_with(1);
    assert!(ended.stderr.contains("belongs to the config file"), "{}", ended.stderr);
    // Ids are the same on every start, so that the ledger's rows keep naming the same objects.
    assert_eq!(keys[0]["id"], scene.json(&["key", "list"])[0]["id"]);
    // What a test finds is no change of the object.
    scene.run(&["key", "test", "box/main"]).succeeded();
}

#[test]
fn a_missing_secret_names_its_place_in_the_file() {
    let scene = Scene::founded();
    scene.config("providers:\n  box:\n    base_url: 'http://127.0.0.1:9/v1'\n    keys:\n      - { name: main, key: '${env:NOT_SET}' }\n");
    // A server has to have everything; a command, in a shell with other variables, can go on without.
    for (arguments, code) in [(&["serve"][..], 2), (&["key", "list"][..], 0)] {
        let ended = scene.run(arguments).failed_with(code);
        assert!(ended.stderr.contains("keyward.yaml:5:9: the key `main`"), "{}", ended.stderr);
        assert!(ended.stderr.contains("NOT_SET"), "{}", ended.stderr);
    }
}

#[test]
fn an_object_cannot_belong_to_both() {
    let scene = Scene::founded();
    scene.run_with(&["key", "add", "sandbox"], "a-sandbox-key").succeeded();
    scene.config("providers: { sandbox: { keys: [ { name: other } ] } }\n");
    let ended = scene.run(&["serve"]).failed_with(2);
    assert!(ended.stderr.contains("was added with the API and is in the config file too"), "{}", ended.stderr);
}

#[test]
fn the_file_says_on_which_terms_its_keys_are_used() {
    let scene = Scene::founded().set("FILE_KEY", "a-key-from-the-environment");
    let file = |terms: &str| {
        scene.config(&format!(
            "providers:\n  box:\n    kind: sandbox\n    base_url: 'sandbox://built-in'\n    strategy: weighted\n    keys:\n      - \
             {{ name: main, key: '${{env:FILE_KEY}}'{terms} }}\naliases:\n  fast: {{ targets: [{{ deployment: \
             box/sandbox-small, weight: 2 }}], fallback: [box/sandbox-large] }}\n"
        ));
    };
    file(
        ", quota_group: acme, weight: 3, tier: 1, limits: { rpm: 500 }, budget: { usd: 100, per: day }, expires: 2099-03-01",
    );
    let key = scene.json(&["key", "show", "box/main"]);
    assert_eq!(
        (&key["terms"]["quota_group"], &key["terms"]["weight"]),
        (&serde_json::json!("acme"), &serde_json::json!(3))
    );
    let limits = &key["terms"]["limits"];
    assert_eq!((&limits["rpm"], &limits["daily_usd"]), (&serde_json::json!(500), &serde_json::json!("100.00")));
    assert_eq!(scene.json(&["provider", "show", "box"])["strategy"], "weighted");
    let alias = scene.json(&["model", "alias", "list"])[0].clone();
    assert_eq!((&alias["strategy"], &alias["weights"]), (&serde_json::json!("weighted"), &serde_json::json!([2])));
    assert_eq!(alias["fallback"], serde_json::json!({ "any": ["box/sandbox-large"] }));

    // A running server takes new terms over, and what a test found stays.
    let server = scene.serve();
    scene.run(&["key", "test", "box/main"]).succeeded();
    file(", weight: 9");
    scene.run(&["config", "apply"]).succeeded();
    let key = scene.json(&["key", "show", "box/main"]);
    assert_eq!(
        (&key["terms"]["weight"], &key["terms"]["quota_group"]),
        (&serde_json::json!(9), &serde_json::Value::Null)
    );
    assert_eq!(key["proof"]["finding"], "valid");
    // A broken one changes nothing, not even the half of it that is right.
    file(", weight: 8, tier: 999");
    scene.run(&["config", "apply"]).failed_with(2);
    assert_eq!(scene.json(&["key", "show", "box/main"])["terms"]["weight"], 9);
    drop(server);
}

#[test]
fn an_alias_that_leads_nowhere_names_its_place_in_the_file() {
    let scene = Scene::with_sandbox().0;
    let lost = |aliases: &str, expected: &str| {
        scene.config(aliases);
        // The file alone cannot know which providers there are, so a check says where it leads.
        let checked = scene.run(&["config", "check"]).succeeded().stdout;
        assert!(checked.contains("aliases lead outside to"), "{checked}");
        let ended = scene.run(&["serve"]).failed_with(2);
        assert!(ended.stderr.contains(expected), "{aliases}: {}", ended.stderr);
    };
    lost(
        "aliases:\n  fast:\n    targets: [sandbx/sandbox-small]\n",
        "keyward.yaml:3:15: the alias `fast`: there is no provider `sandbx`; did you mean `sandbox`?",
    );
    lost(
        "aliases:\n  fast: { targets: [sandbox/sandbox-small], fallback: [elsewhere/x] }\n",
        "keyward.yaml:2:56: the alias `fast`: there is no provider `elsewhere`: add it to the file, or with `keyward provider add`",
    );
}
