use crate::program::{Scene, files};

/// Built from parts, so that no file holds anything that looks like a key.
fn provider_key() -> String {
    format!("sk-{}-{}", "test", "a1B2c3D4".repeat(5))
}

#[test]
fn a97_secrets_in_arguments_are_refused_and_never_repeated() {
    let scene = Scene::founded();
    let key = provider_key();
    let admin = std::fs::read_to_string(scene.home().join("admin.token")).unwrap().trim().to_owned();
    let token = format!("--token={admin}");
    for arguments in [
        &["key", "add", "openai", &key][..],
        &["key", "add", "openai", "--name", &key][..],
        &["status", "--token", &admin][..],
        &["status", &token][..],
        &["key", "add", "openai", "short-and-odd"][..],
        &["status", "--token", "short"][..],
    ] {
        let ended = scene.run(arguments).failed_with(2);
        assert!(!ended.all().contains(&key) && !ended.all().contains(&admin), "{arguments:?}: {}", ended.all());
        assert!(!ended.all().contains("short-and-odd"), "{}", ended.all());
        assert!(ended.stderr.contains("arguments"), "{arguments:?}: {}", ended.stderr);
    }
}

#[test]
fn a_provider_key_is_in_no_output_and_in_no_file() {
    let scene = Scene::founded();
    let key = provider_key();
    let mut printed = scene.run_with(&["key", "add", "sandbox", "--name", "canary"], &format!("{key}\n")).all();
    for arguments in [
        &["key", "list"][..],
        &["key", "list", "--json"][..],
        &["key", "show", "canary", "--models"][..],
        &["key", "test", "--all"][..],
        &["key", "disable", "canary"][..],
        &["key", "enable", "canary"][..],
        &["provider", "test", "sandbox"][..],
        &["status", "--json"][..],
        &["audit", "list", "--json"][..],
        &["doctor"][..],
    ] {
        printed.push_str(&scene.run(arguments).all());
    }
    let again = scene.run_with(&["key", "add", "sandbox"], &key).failed_with(1);
    assert!(again.stderr.contains("already kept"), "{}", again.stderr);
    printed.push_str(&again.all());
    assert!(!printed.contains(&key), "{printed}");
    for (path, content) in files(&scene.home()) {
        assert!(!content.windows(key.len()).any(|window| window == key.as_bytes()), "{}", path.display());
    }
    let revealed = scene.run(&["key", "reveal", "canary", "--yes"]).succeeded();
    assert_eq!(revealed.stdout.trim(), key);
    assert!(scene.run(&["audit", "list"]).stdout.contains("key.reveal"));
}

#[test]
fn revealing_asks_first() {
    let scene = Scene::founded();
    scene.run_with(&["key", "add", "sandbox"], &provider_key()).succeeded();
    let ended = scene.run(&["key", "reveal", "default"]).failed_with(1);
    assert!(ended.stderr.contains("--yes") && !ended.all().contains(&provider_key()));
}

#[test]
fn keys_come_from_files_and_variables_too() {
    let scene = Scene::founded().set("MY_KEY", &provider_key());
    std::fs::write(scene.path("key.txt"), "another-sandbox-key\n").unwrap();
    scene.run(&["key", "add", "sandbox", "--name", "from-file", "--from-file", "key.txt"]).succeeded();
    scene.run(&["key", "add", "sandbox", "--name", "from-env", "--from-env", "MY_KEY"]).succeeded();
    scene.run(&["key", "add", "sandbox", "--from-env", "NOT_SET"]).failed_with(2);
    scene.run(&["key", "add", "sandbox", "--from-file", "not-there"]).failed_with(2);
    scene.run_with(&["key", "add", "sandbox"], "").failed_with(2);
    assert_eq!(scene.json(&["key", "list"]).as_array().unwrap().len(), 2);
}
