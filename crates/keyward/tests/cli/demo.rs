use crate::program::Scene;

#[test]
fn the_demo_shows_every_surface_and_leaves_nothing() {
    let scene = Scene::empty();
    let folder = scene.path("temporary");
    std::fs::create_dir(&folder).unwrap();
    let scene = scene.set("TMPDIR", folder.to_str().unwrap());
    let shown = scene.json(&["demo", "--once"]);
    let surfaces = shown["surfaces"].as_array().unwrap();
    assert!(surfaces.iter().all(|surface| surface["unexpected_statuses"].as_array().unwrap().is_empty()), "{shown}");
    for vendor in ["OpenAI", "Anthropic", "Gemini"] {
        assert!(surfaces.iter().any(|surface| surface["surface"] == vendor), "{vendor}");
    }
    assert!(surfaces.iter().any(|surface| surface["expected_status"] == 401));
    let keys = shown["keys"].as_object().unwrap();
    assert!(keys.len() == 2 && keys.values().all(|times| times.as_u64().unwrap() > 0), "{shown}");
    let total = &shown["usage"]["total"];
    for figure in ["attempts", "prompt_tokens", "completion_tokens", "cost_nanodollars"] {
        assert!(total[figure].as_u64().unwrap() > 0, "{figure}: {total}");
    }
    assert_eq!(total["unpriced"], 0);
    assert!(shown["overhead"]["p50_us"].as_u64().unwrap() > 0);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "the temporary home is gone");
    assert!(!scene.home().exists());
}

#[test]
fn the_demo_reads_well() {
    let text = Scene::empty().run(&["demo", "--once"]).succeeded().stdout;
    for expected in ["OpenAI chat, streamed", "Gemini generate", "tokens", "cost", "keys used", "added by Keyward"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}
