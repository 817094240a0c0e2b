use std::os::unix::fs::PermissionsExt as _;

use crate::program::{Scene, files, http};

#[test]
fn init_makes_a_private_home_and_tells_what_to_do_next() {
    let scene = Scene::empty();
    let ended = scene.run(&["init", "--yes", "--no-discovery"]).succeeded();
    let mode = |name: &str| std::fs::metadata(scene.home().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(""), 0o700);
    for file in ["root.key", "admin.token", "keyward.db"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
    assert_eq!(std::fs::metadata(scene.home().join("root.key")).unwrap().len(), 32);
    let admin = std::fs::read_to_string(scene.home().join("admin.token")).unwrap();
    assert!(admin.starts_with("kw_adm_"));
    let text = ended.all();
    assert!(!text.contains(admin.trim()), "the admin token stays in its file");
    for expected in [
        "admin.token",
        "kw_live_",
        "There is no provider key yet, so no call can work. Add one first:",
        "keyward key add openai",
        "keyward key add sandbox --no-secret",
        "keyward serve",
        "curl http://127.0.0.1:8700/v1/models",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(!text.contains("sandbox-small"), "no model is named that nobody offers: {text}");
}

#[test]
fn init_ends_with_a_call_to_a_model_that_works() {
    let scene = Scene::empty();
    let provider = "{ kind: sandbox, base_url: 'sandbox://built-in', catalog: sandbox, keys: [ { name: main } ] }";
    std::fs::write(scene.path("keyward.yaml"), format!("providers: {{ box: {provider} }}\n")).unwrap();
    let file = scene.path("keyward.yaml").display().to_string();
    let scene = scene.set("KEYWARD_CONFIG", &file);
    let made = scene.json(&["init", "--yes"]);
    let model = made["first_model"].as_str().unwrap();
    assert_eq!(model, "box/sandbox-small", "{made}");
    let server = scene.serve();
    let bearer = format!("Bearer {}", made["token"].as_str().unwrap());
    let body = format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"Hello"}}]}}"#);
    let (status, answer) = http(server.data, "POST", "/v1/chat/completions", &[("authorization", &bearer)], &body);
    assert_eq!(status, 200, "{answer}");
}

#[test]
fn what_was_found_and_cannot_be_used_is_named_with_its_reason() {
    let unusable = || {
        let scene = Scene::empty().set("AWS_ACCESS_KEY_ID", "an-id-of-some-length");
        let scene = scene.set("AWS_SECRET_ACCESS_KEY", "a-secret-of-some-length");
        std::fs::write(scene.path(".env"), "OPENAI_API_KEY=abc\nwhat is this\n").unwrap();
        scene
    };
    let text = unusable().run(&["init", "--yes"]).succeeded().all();
    for expected in [
        "openai (OPENAI_API_KEY) in .env",
        "malformed",
        "bedrock (AWS_ACCESS_KEY_ID) in the environment",
        "bedrock (AWS_SECRET_ACCESS_KEY) in the environment",
        "not supported in this version",
        ".env: line 2",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(!text.contains("-of-some-length"), "{text}");
    let made = unusable().json(&["init", "--yes"]);
    assert_eq!(made["keys"], serde_json::json!([]));
    let left = |variable: &str| {
        let all = made["left_out"].as_array().unwrap();
        all.iter().find(|left| left["variable"] == variable).unwrap_or_else(|| panic!("{variable}: {made}")).clone()
    };
    let (openai, aws) = (left("OPENAI_API_KEY"), left("AWS_ACCESS_KEY_ID"));
    assert_eq!((&openai["provider"], &openai["place"]), (&"openai".into(), &".env".into()));
    assert!(openai["reason"].as_str().unwrap().contains("malformed"), "{openai}");
    assert!(aws["reason"].as_str().unwrap().contains("not supported in this version"), "{aws}");
}

#[test]
fn init_again_changes_nothing() {
    let scene = Scene::founded();
    let before = files(&scene.home());
    let ended = scene.run(&["init", "--yes", "--no-discovery"]).succeeded();
    assert!(ended.stdout.contains("nothing was changed"), "{}", ended.stdout);
    assert_eq!(before, files(&scene.home()));
}

#[test]
fn found_keys_are_named_but_never_shown_or_used_unasked() {
    let key = format!("sk-{}-{}", "proj", "q9W8e7R6".repeat(6));
    let scene = Scene::empty().set("OPENAI_API_KEY", &key);
    std::fs::write(scene.path(".env"), format!("ANTHROPIC_API_KEY=sk-ant-{}\n", "z1Y2x3W4".repeat(6))).unwrap();
    let ended = scene.run(&["init"]).succeeded();
    for expected in ["OPENAI_API_KEY", "the environment", "ANTHROPIC_API_KEY", ".env"] {
        assert!(ended.stderr.contains(expected), "{expected}: {}", ended.stderr);
    }
    assert!(!ended.all().contains(&key) && !ended.all().contains("z1Y2x3W4"), "{}", ended.all());
    // Nobody was there to say yes.
    assert_eq!(scene.json(&["key", "list"]).as_array().unwrap().len(), 0);
}

#[test]
fn a_passphrase_opens_the_vault_instead_of_a_file() {
    let scene = Scene::empty();
    std::fs::write(scene.path("passphrase"), "correct horse battery staple\n").unwrap();
    std::fs::write(scene.path("wrong"), "incorrect horse battery staple\n").unwrap();
    scene.run(&["init", "--yes", "--no-discovery", "--passphrase", "--passphrase-file", "passphrase"]).succeeded();
    assert!(!scene.home().join("root.key").exists());

    // Without it nothing that needs the vault works, and it says so.
    let ended = scene.run_with(&["key", "add", "sandbox"], "a-sandbox-key").failed_with(1);
    assert!(ended.stderr.contains("locked"), "{}", ended.stderr);
    let wrong = scene.path("wrong").display().to_string();
    let right = scene.path("passphrase").display().to_string();
    let scene = scene.set("KEYWARD_VAULT_PASSPHRASE_FILE", &wrong);
    let ended = scene.run_with(&["key", "add", "sandbox"], "a-sandbox-key").failed_with(1);
    assert!(ended.stderr.contains("does not open the vault"), "{}", ended.stderr);
    let scene = scene.set("KEYWARD_VAULT_PASSPHRASE_FILE", &right);
    scene.run_with(&["key", "add", "sandbox"], "a-sandbox-key").succeeded();
}

#[test]
fn a_weak_passphrase_is_refused_before_anything_is_made() {
    let scene = Scene::empty();
    std::fs::write(scene.path("passphrase"), "short\n").unwrap();
    let ended = scene
        .run(&["init", "--yes", "--no-discovery", "--passphrase", "--passphrase-file", "passphrase"])
        .failed_with(1);
    assert!(ended.stderr.contains("passphrase cannot be used"), "{}", ended.stderr);
    assert!(!scene.home().join("keyward.db").exists());
}

#[test]
fn a118_a_key_file_that_others_can_read_is_refused() {
    let scene = Scene::founded();
    let file = scene.home().join("root.key");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let ended = scene.run(&["key", "list"]).failed_with(1);
    assert!(ended.stderr.contains("chmod 600"), "{}", ended.stderr);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&file, [7; 31]).unwrap();
    assert!(scene.run(&["key", "list"]).failed_with(1).stderr.contains("31"));
    std::fs::write(&file, [7; 32]).unwrap();
    let ended = scene.run(&["key", "list"]).failed_with(1);
    assert!(ended.stderr.contains("nothing was changed"), "{}", ended.stderr);
}

#[test]
fn a119_a_home_that_others_can_look_into_is_refused() {
    let scene = Scene::founded();
    std::fs::set_permissions(scene.home(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let ended = scene.run(&["key", "list"]).failed_with(1);
    assert!(ended.stderr.contains("chmod 700"), "{}", ended.stderr);
}
