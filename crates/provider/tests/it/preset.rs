//! Providers known by name.

use std::collections::HashSet;

use keyward_domain::origin::{BaseUrl, Scheme};
use keyward_domain::provider::ProviderKind;
use keyward_provider::{preset, presets};

#[test]
fn every_preset_is_usable_as_it_stands() {
    let mut names = HashSet::new();
    for preset in presets() {
        assert!(names.insert(preset.name), "{} twice", preset.name);
        let base: BaseUrl = preset.base_url.parse().expect(preset.name);
        assert_eq!(base.to_string(), preset.base_url, "written as it is read");
        let plain = base.origin.scheme != Scheme::Https;
        assert_eq!(plain, matches!(preset.name, "ollama" | "sandbox"), "{} travels in the open", preset.name);
        assert_eq!(preset.free, preset.name == "ollama", "only what runs on this machine is free");
        assert_eq!(preset.needs_key, !plain, "{}", preset.name);
    }
    for kind in ProviderKind::ALL {
        assert!(presets().iter().any(|preset| preset.kind == kind), "{kind:?} has no preset");
    }
}

#[test]
fn names_are_found_in_any_case_and_others_are_not() {
    assert_eq!(preset("OpenAI").map(|p| p.name), Some("openai"));
    assert_eq!(preset("sandbox").map(|p| p.kind), Some(ProviderKind::Sandbox));
    assert_eq!(preset("openai "), None);
    assert_eq!(preset(""), None);
}
