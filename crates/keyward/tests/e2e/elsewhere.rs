//! Keys that lie beside a base URL of their own: what belongs to a proxy is never sent to the vendor.

use keyward_testkit::provider::{ScriptedProvider, Vendor};
use serde_json::{Value, json};

use crate::scene::{Scene, base_url};
use crate::terminal::Terminal;

/// Vendor, the variable of its key, and the variables that say where its calls go.
const VARIABLES: [(Vendor, &str, &[&str]); 3] = [
    (Vendor::OpenAi, "OPENAI_API_KEY", &["OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_API_HOST"]),
    (Vendor::Anthropic, "ANTHROPIC_API_KEY", &["ANTHROPIC_BASE_URL", "ANTHROPIC_API_URL"]),
    (Vendor::Gemini, "GEMINI_API_KEY", &["GOOGLE_GEMINI_BASE_URL", "GEMINI_API_BASE"]),
];

/// A place without an installation whose vendor, by its config file, is the scripted one.
fn scene_of(provider: &ScriptedProvider, vendor: Vendor) -> Scene {
    let scene = Scene::empty();
    let base = base_url(provider, vendor);
    std::fs::write(
        scene.path("keyward.yaml"),
        format!("providers: {{ {}: {{ base_url: '{base}' }} }}\n", vendor.name()),
    )
    .unwrap();
    let file = scene.path("keyward.yaml").display().to_string();
    scene.set("KEYWARD_CONFIG", &file)
}

fn only(list: &Value) -> &Value {
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), 1, "{list:?}");
    &list[0]
}

#[test]
fn k11_a_key_beside_a_base_url_is_sent_nowhere() {
    for (vendor, key, bases) in VARIABLES {
        for base in bases {
            let (provider, proxy) = (ScriptedProvider::start_blocking(), ScriptedProvider::start_blocking());
            let (secret, there) = (proxy.add_key(vendor, "main"), base_url(&proxy, vendor));
            let scene = scene_of(&provider, vendor).set(key, &secret).set(base, &there);
            let made = scene.json(&["init", "--yes"]);
            assert_eq!(made["keys"], json!([]), "{base}: {made}");
            let left = only(&made["left_out"]);
            assert_eq!((&left["provider"], &left["variable"]), (&json!(vendor.name()), &json!(key)), "{left}");
            let (reason, name) = (left["reason"].as_str().unwrap(), vendor.name());
            for said in [
                format!("{base} in the environment says {there}"),
                format!("keyward provider add {name} --as {name}-proxy --base-url {there}"),
                format!("keyward key add {name}-proxy"),
            ] {
                assert!(reason.contains(&said), "{said}: {reason}");
            }
            assert_eq!((provider.requests_total(), proxy.requests_total()), (0, 0), "{base}");
            assert_eq!(scene.json(&["key", "list"]), json!([]));
            assert!(
                scene.printed().iter().all(|(_, text)| !text.windows(secret.len()).any(|w| w == secret.as_bytes()))
            );
        }
    }
}

/// What the sentence says works as it stands.
#[test]
fn k11_a_key_beside_a_base_url_is_added_as_the_sentence_says() {
    for (vendor, key, bases) in VARIABLES {
        let (provider, proxy) = (ScriptedProvider::start_blocking(), ScriptedProvider::start_blocking());
        let (secret, there) = (proxy.add_key(vendor, "main"), base_url(&proxy, vendor));
        let scene = scene_of(&provider, vendor).set(key, &secret).set(bases[0], &there);
        let made = scene.json(&["init", "--yes"]);
        let reason = only(&made["left_out"])["reason"].as_str().unwrap().to_owned();
        let said: Vec<&str> = reason.split('`').skip(1).step_by(2).collect();
        for command in &said[..2] {
            let words: Vec<&str> = command.split(' ').skip(1).collect();
            scene.run_with(&words, &secret).succeeded();
        }
        assert_eq!(only(&scene.json(&["key", "list"]))["state"], "active");
        assert!(proxy.requests_total() > 0);
        assert_eq!((provider.requests_total(), proxy.bill().len()), (0, 0));
    }
}

#[test]
fn k11_a_base_url_that_is_the_vendors_own_or_another_vendors_changes_nothing() {
    let provider = ScriptedProvider::start_blocking();
    let secret = provider.add_key(Vendor::OpenAi, "main");
    // Another path of the same origin is the same vendor.
    let scene = scene_of(&provider, Vendor::OpenAi).set("OPENAI_API_KEY", &secret);
    let scene = scene.set("OPENAI_BASE_URL", &provider.url()).set("OPENAI_API_BASE", "");
    let scene = scene.set("ANTHROPIC_BASE_URL", "https://proxy.example");
    let made = scene.json(&["init", "--yes"]);
    // It was sent where it belongs. That a provider of the config file takes no keys besides its own is another matter.
    assert!(provider.requests_total() > 0, "{made}");
    assert!(!made["left_out"].to_string().contains("BASE"), "{made}");
}

#[test]
fn k11_a_base_url_in_a_file_keeps_keys_of_the_environment_from_the_vendor() {
    let provider = ScriptedProvider::start_blocking();
    let secret = provider.add_key(Vendor::OpenAi, "main");
    for (line, said) in [
        ("OPENAI_BASE_URL=https://proxy.example/v1", "OPENAI_BASE_URL in .env says https://proxy.example/v1"),
        ("OPENAI_BASE_URL=https://me:word@proxy.example", "OPENAI_BASE_URL in .env is no base URL"),
    ] {
        let scene = scene_of(&provider, Vendor::OpenAi).set("OPENAI_API_KEY", &secret);
        std::fs::write(scene.path(".env"), format!("{line}\n")).unwrap();
        let ended = scene.run(&["init", "--yes"]).succeeded();
        let text = format!("{}{}", ended.stdout, ended.stderr);
        assert!(text.contains(said) && !text.contains("word@"), "{text}");
    }
    assert_eq!(provider.requests_total(), 0);
}

#[test]
fn k11_who_is_asked_may_take_the_key_to_its_place() {
    for (answer, taken) in [("y", true), ("", false), ("n", false)] {
        let (provider, proxy) = (ScriptedProvider::start_blocking(), ScriptedProvider::start_blocking());
        let (one, other) = (proxy.add_key(Vendor::OpenAi, "one"), proxy.add_key(Vendor::OpenAi, "other"));
        let there = base_url(&proxy, Vendor::OpenAi);
        let scene = scene_of(&provider, Vendor::OpenAi).set("OPENAI_API_KEY", &one).set("OPENAI_API_KEY_2", &other);
        let scene = scene.set("OPENAI_BASE_URL", &there);
        let mut terminal = Terminal::new();
        terminal.types(answer);
        terminal.types(answer);
        let ended = scene.run_at(&["init"], &terminal).succeeded();
        let question =
            format!("OPENAI_BASE_URL is {there}. Seal this key as `openai-proxy/default` and test it there? [y/N]");
        assert!(ended.stderr.contains(&question), "{}", ended.stderr);
        let keys = scene.json(&["key", "list"]);
        let keys: Vec<_> = keys.as_array().unwrap().iter().map(|key| (&key["provider"], &key["state"])).collect();
        let active = (&json!("openai-proxy"), &json!("active"));
        assert_eq!(keys, if taken { vec![active; 2] } else { Vec::new() }, "{}", ended.stderr);
        assert_eq!(proxy.requests_total() > 0, taken);
        assert_eq!((provider.requests_total(), proxy.bill().len()), (0, 0));
        // Who says no hears how it could be done later.
        assert_eq!(ended.stderr.contains("keyward provider add openai --as openai-proxy"), !taken, "{}", ended.stderr);
    }
}
