//! Everything that speaks OpenAI's API under a base URL of its own: vendors known by name, and any other server.

mod presets;
mod rules;

use keyward_domain::provider::ProviderKind;

use crate::preset::Preset;

pub use presets::PRESETS;
pub use rules::RULES;

/// A vendor of this kind.
const fn vendor(name: &'static str, base_url: &'static str) -> Preset {
    Preset { name, kind: ProviderKind::OpenAiCompatible, base_url, catalog: Some(name), needs_key: true, free: false }
}
