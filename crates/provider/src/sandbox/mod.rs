//! The built-in provider for trying things out.

use keyward_domain::provider::ProviderKind;

use crate::preset::Preset;

/// How it is known here.
pub const PRESET: Preset = Preset {
    name: "sandbox",
    kind: ProviderKind::Sandbox,
    base_url: "sandbox://built-in",
    catalog: Some("sandbox"),
    needs_key: false,
    free: false,
};

/// The names it answers to by itself; see `docs/guides/sandbox.md` for the knobs behind a question mark.
pub const MODELS: &[&str] = &[
    "sandbox-small",
    "sandbox-large",
    "sandbox-embed",
    "sandbox-image",
    "sandbox-speech",
    "sandbox-audio",
    "sandbox-moderation",
];
