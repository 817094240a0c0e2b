//! Promise K11 through the program: a key is checked for form, proved by a call that costs nothing, its models are
//! found, then it is in use; a bad one says what is wrong with it.

use keyward_testkit::provider::{Fault, KeyBehaviour, Operation, ScriptedProvider, Vendor, VendorError, mint_secret};
use serde_json::Value;

use crate::line::Line;
use crate::scene::Scene;

/// How many models the scripted provider offers.
const OFFERED: [(Vendor, u64); 3] = [(Vendor::OpenAi, 15), (Vendor::Anthropic, 4), (Vendor::Gemini, 4)];

/// A behaviour of a key, and what has to be found of it: exit code, state, finding.
type Case = (&'static str, KeyBehaviour, i32, &'static str, &'static str);

fn cases() -> Vec<Case> {
    vec![
        ("good", KeyBehaviour::Valid, 0, "active", "valid"),
        // Refused calls that cost money are not noticed by calls that cost nothing, and must not be.
        ("poor", KeyBehaviour::no_credit(), 0, "active", "valid"),
        ("busy", KeyBehaviour::Refuses(VendorError::RateLimited(Some(7))), 0, "active", "valid"),
        ("revoked", KeyBehaviour::revoked(), 3, "suspect", "unauthorised"),
        ("leaked", KeyBehaviour::Refuses(VendorError::Leaked), 3, "suspect", "unauthorised"),
        ("barred", KeyBehaviour::Refuses(VendorError::MissingScope), 3, "suspect", "no_permission"),
        ("unpaid", KeyBehaviour::Refuses(VendorError::Billing), 3, "suspect", "no_credit"),
        ("broken", KeyBehaviour::Refuses(VendorError::Internal), 3, "pending", "unreachable"),
        ("full", KeyBehaviour::Refuses(VendorError::Overloaded), 3, "pending", "unreachable"),
    ]
}

#[test]
fn k11_every_sort_of_key_is_named_for_what_it_is() {
    let provider = ScriptedProvider::start_blocking();
    let scene = Scene::founded();
    let mut wrong = Vec::new();
    for (vendor, offered) in OFFERED {
        scene.add_provider(&provider, vendor, vendor.name());
        for (name, behaviour, code, state, finding) in cases() {
            let secret = mint_secret(vendor, name);
            provider.add_key_with(vendor, name, &secret, behaviour);
            let ended = scene.run_with(&["key", "add", vendor.name(), "--name", name, "--json"], &secret);
            let said: Value = serde_json::from_str(&ended.stdout).unwrap_or_default();
            if (ended.code, said["state"].as_str(), said["proof"]["finding"].as_str())
                != (code, Some(state), Some(finding))
            {
                wrong.push(format!("{vendor}/{name}: expected {code} {state} {finding}, got {} {said}", ended.code));
            }
            if name == "good" {
                assert_eq!(said["model_count"], offered, "{said}");
            }
        }
        // A key that nobody issued, and what cannot be a key, which is not even sent.
        let add = ["key", "add", vendor.name(), "--name", "unknown"];
        let unknown = scene.run_with(&add, &mint_secret(vendor, "never issued")).ended_with(3);
        assert!(unknown.stdout.contains("unauthorised"), "{vendor}: {}", unknown.stdout);
        let before = provider.requests_total();
        let two_words = format!("{} {}", mint_secret(vendor, "one"), mint_secret(vendor, "two"));
        let malformed = scene.run_with(&["key", "add", vendor.name(), "--name", "malformed"], &two_words);
        assert!(malformed.code == 1 && malformed.stderr.contains("malformed"), "{vendor}: {}", malformed.stderr);
        assert_eq!(provider.requests_total(), before);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    only_free_calls(&provider);
}

#[test]
fn k11_nobody_home_is_unreachable_and_a_later_test_puts_the_key_to_use() {
    let provider = ScriptedProvider::start_blocking();
    let address = provider.address();
    let scene = Scene::founded();
    for vendor in Vendor::ALL {
        scene.add_provider(&provider, vendor, vendor.name());
    }
    drop(provider);
    for vendor in Vendor::ALL {
        let ended = scene.run_with(&["key", "add", vendor.name(), "--json"], &mint_secret(vendor, "main"));
        let said: Value = serde_json::from_str(&ended.stdout).unwrap_or_default();
        assert_eq!(said["proof"]["finding"], "unreachable", "{vendor}: {}{}", ended.stdout, ended.stderr);
        assert_eq!((ended.code, &said["state"]), (3, &"pending".into()), "{vendor}: {said}");
    }
    let provider = ScriptedProvider::start_at(address);
    for vendor in Vendor::ALL {
        provider.add_key(vendor, "main");
    }
    scene.run(&["key", "test", "--all"]).succeeded();
    let keys = scene.json(&["key", "list"]);
    for (vendor, offered) in OFFERED {
        let key = keys.as_array().unwrap().iter().find(|key| key["provider"] == vendor.name()).unwrap();
        assert_eq!((&key["state"], &key["model_count"]), (&"active".into(), &offered.into()), "{key}");
    }
    only_free_calls(&provider);
}

#[test]
fn k11_a_provider_that_stands_still_does_not_hold_the_operator_up_for_ever() {
    let provider = ScriptedProvider::start_blocking();
    let scene = Scene::founded();
    scene.add_provider(&provider, Vendor::OpenAi, "openai");
    let key = provider.add_key(Vendor::OpenAi, "main");
    let silent = Fault::answer().stall(keyward_testkit::provider::Stall::BeforeHeaders);
    provider.script(silent.for_operation(Operation::ListModels).always());
    let ended = scene.run_with(&["key", "add", "openai"], &key).ended_with(3);
    assert!(ended.stdout.contains("unreachable"), "{}", ended.stdout);
}

/// What `init` can be given for a vendor that is not at its usual address: the config file names the address and the
/// variable that the key is in.
#[test]
fn k11_keys_of_the_config_file_serve_at_once_and_cost_nothing_until_they_do() {
    let provider = ScriptedProvider::start_blocking();
    let mut scene = Scene::empty();
    let mut config = "providers:\n".to_owned();
    for vendor in Vendor::ALL {
        let variable = format!("{}_API_KEY", vendor.name().to_uppercase());
        let base = crate::scene::base_url(&provider, vendor);
        let key = format!("{{ name: main, key: \"${{env:{variable}}}\" }}");
        config = format!("{config}  {vendor}: {{ base_url: \"{base}\", keys: [{key}] }}\n");
        scene = scene.set(&variable, &provider.add_key(vendor, "main"));
    }
    std::fs::write(scene.path("keyward.yaml"), config).unwrap();
    let file = scene.path("keyward.yaml").display().to_string();
    let scene = scene.set("KEYWARD_CONFIG", &file);
    scene.run(&["init", "--yes"]).succeeded();
    let server = scene.serve();
    let tested = scene.run(&["key", "test", "--all"]).succeeded();
    assert_eq!(tested.stdout.matches("valid (active)").count(), 3, "{}", tested.stdout);
    only_free_calls(&provider);
    let bearer = format!("Bearer {}", scene.vkey(&["app"]));
    let body = serde_json::json!({ "model": "gpt-4o-mini", "messages": [{ "role": "user", "content": "Hello" }] });
    let answer = Line::to(server.data).post("/v1/chat/completions", &[("authorization", &bearer)], &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(provider.bill().len(), 1);
}

/// No probe is ever paid for.
fn only_free_calls(provider: &ScriptedProvider) {
    assert_eq!(provider.bill(), []);
    for call in provider.requests() {
        let operation = call.operation.unwrap_or_else(|| panic!("{} {} is nobody's", call.method, call.target));
        // An OpenAI key that may not list models is asked whether an empty call would be let in. Nobody bills that.
        let free = !operation.is_billed() || &*call.body == b"{}";
        assert!(free, "{} {}", call.method, call.target);
    }
}
