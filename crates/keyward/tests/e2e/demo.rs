//! The whole thing in one command.

use serde_json::Value;

use crate::scene::Scene;

#[test]
fn the_demo_answers_200_on_every_surface() {
    let shown = Scene::empty().json(&["demo", "--once"]);
    let surfaces = shown["surfaces"].as_array().unwrap();
    assert!(surfaces.len() >= 6, "{shown}");
    for surface in surfaces {
        let expected = surface["expected_status"].as_u64();
        assert!(matches!(expected, None | Some(200 | 401)), "{surface}");
        assert_eq!(surface["unexpected_statuses"], Value::Array(Vec::new()), "{surface}");
    }
    for vendor in ["OpenAI", "Anthropic", "Gemini"] {
        let answered = |surface: &&Value| surface["surface"] == vendor && surface["expected_status"] == 200;
        assert!(surfaces.iter().any(|surface| answered(&surface)), "{vendor}: {shown}");
    }
}
