//! Providers that Keyward knows by name, so that `keyward key add groq` needs no URL.

use keyward_domain::provider::ProviderKind;

use crate::{anthropic, gemini, openai, openai_compatible, sandbox};

/// A provider known by name: what `provider add NAME` fills in when nothing else is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// What people call it; also the provider's first name here.
    pub name: &'static str,
    /// Which adapter speaks to it.
    pub kind: ProviderKind,
    /// Where it is.
    pub base_url: &'static str,
    /// Which part of the price catalog describes it.
    pub catalog: Option<&'static str>,
    /// Whether it wants a key.
    pub needs_key: bool,
    /// Whether it costs nothing to use, so that models without a price are free and not unknown.
    pub free: bool,
}

const COUNT: usize = 4 + openai_compatible::PRESETS.len();

static ALL: [Preset; COUNT] = join();

/// Every known provider; the vendors with a wire format of their own first.
pub fn presets() -> &'static [Preset] {
    &ALL
}

/// The provider of this name, in any case.
pub fn preset(name: &str) -> Option<&'static Preset> {
    ALL.iter().find(|preset| preset.name.eq_ignore_ascii_case(name))
}

const fn join() -> [Preset; COUNT] {
    let mut all = [openai::PRESET; COUNT];
    all[1] = anthropic::PRESET;
    all[2] = gemini::PRESET;
    let mut at = 0;
    while at < openai_compatible::PRESETS.len() {
        all[3 + at] = openai_compatible::PRESETS[at];
        at += 1;
    }
    all[COUNT - 1] = sandbox::PRESET;
    all
}
