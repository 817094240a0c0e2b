use crate::program::Scene;

#[test]
fn help_shows_what_there_is_and_nothing_else() {
    let help = Scene::empty().run(&["--help"]).succeeded().stdout;
    for command in [
        "demo",
        "init",
        "serve",
        "key",
        "vkey",
        "tenant",
        "team",
        "user",
        "provider",
        "model",
        "budget",
        "limit",
        "usage",
        "requests",
        "status",
        "audit",
        "config",
        "lock",
        "unlock",
        "doctor",
        "openapi",
        "completions",
    ] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(&format!("{command} "))), "{command}: {help}");
    }
    for later in ["rekey", "forecast", "reference", "--token "] {
        assert!(!help.contains(&format!("  {later}")), "{later}: {help}");
    }
}

#[test]
fn wrong_usage_ends_with_2_and_a_hint() {
    let scene = Scene::empty();
    for (arguments, expected) in [
        (&["keys"][..], "key"),
        (&["key"][..], "Usage"),
        (&["key", "lst"][..], "list"),
        (&["key", "list", "--prvider", "x"][..], "--provider"),
        (&["key", "test"][..], "<KEY>"),
        (&["model", "price", "no-slash"][..], "provider/model"),
        (&["usage", "--format", "xml"][..], "csv"),
        (&[][..], "Usage"),
    ] {
        let ended = scene.run(arguments).failed_with(2);
        assert!(ended.all().contains(expected), "{arguments:?}: {}", ended.all());
    }
}

#[test]
fn without_an_installation_commands_say_how_to_make_one() {
    let scene = Scene::empty();
    for arguments in [&["key", "list"][..], &["status"][..], &["serve"][..]] {
        let ended = scene.run(arguments).failed_with(1);
        assert!(ended.stderr.contains("keyward init"), "{arguments:?}: {}", ended.stderr);
        assert!(!scene.home().exists(), "{arguments:?} must not make anything");
    }
}

#[test]
fn failures_are_json_for_scripts() {
    let ended = Scene::empty().run(&["key", "list", "--json"]).failed_with(1);
    let error: serde_json::Value = serde_json::from_str(ended.stderr.trim()).unwrap();
    assert_eq!(error["error"]["exit"], 1);
    assert_eq!(ended.stdout, "");
}

#[test]
fn a_remote_server_that_is_not_there_ends_with_4() {
    let scene = Scene::empty();
    std::fs::write(scene.path("token"), "anything\n").unwrap();
    // Port 9 is discard; nobody listens there.
    let ended = scene.run(&["status", "--url", "http://127.0.0.1:9", "--token-file", "token"]).failed_with(4);
    assert!(ended.stderr.contains("No server answers"), "{}", ended.stderr);
    let ended = scene.run(&["status", "--url", "http://127.0.0.1:9"]).failed_with(2);
    assert!(ended.stderr.contains("--token-file"), "{}", ended.stderr);
}

#[test]
fn pages_about_itself_are_complete() {
    let scene = Scene::empty();
    let openapi: serde_json::Value = serde_json::from_str(&scene.run(&["openapi"]).succeeded().stdout).unwrap();
    assert!(openapi["paths"]["/api/v1/keys"].is_object());
    let commands = scene.run(&["reference", "cli"]).succeeded().stdout;
    assert!(commands.contains("## `keyward key add <PROVIDER>`"), "{commands}");
    assert!(!commands.contains("## `keyward reference"), "{commands}");
    let errors = scene.run(&["reference", "errors"]).succeeded().stdout;
    assert!(errors.contains("| `vault_locked` | 503 | gateway |"), "{errors}");
    for shell in ["bash", "zsh", "fish"] {
        assert!(scene.run(&["completions", shell]).succeeded().stdout.contains("keyward"));
    }
}
