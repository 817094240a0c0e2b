//! Which variables hold provider keys. Adding a provider is one line in [`FAMILIES`].

/// The variables of one provider.
pub(super) struct Family {
    /// The provider's name everywhere else.
    pub(super) provider: &'static str,
    /// What its variables are called, without number, name or plural.
    stems: &'static [&'static str],
    /// Why this version cannot use its keys.
    pub(super) obstacle: Option<&'static str>,
}

const fn usable(provider: &'static str, stems: &'static [&'static str]) -> Family {
    Family { provider, stems, obstacle: None }
}

const fn later(provider: &'static str, stems: &'static [&'static str], obstacle: &'static str) -> Family {
    Family { provider, stems, obstacle: Some(obstacle) }
}

static FAMILIES: [Family; 19] = [
    usable("openai", &["OPENAI_API_KEY"]),
    usable("anthropic", &["ANTHROPIC_API_KEY", "CLAUDE_API_KEY"]),
    usable("gemini", &["GEMINI_API_KEY", "GOOGLE_API_KEY"]),
    usable("deepseek", &["DEEPSEEK_API_KEY"]),
    usable("mistral", &["MISTRAL_API_KEY"]),
    usable("openrouter", &["OPENROUTER_API_KEY"]),
    usable("groq", &["GROQ_API_KEY"]),
    usable("xai", &["XAI_API_KEY"]),
    usable("together", &["TOGETHER_API_KEY"]),
    usable("fireworks", &["FIREWORKS_API_KEY"]),
    usable("perplexity", &["PERPLEXITY_API_KEY", "PPLX_API_KEY"]),
    usable("cerebras", &["CEREBRAS_API_KEY"]),
    usable("nvidia", &["NVIDIA_API_KEY"]),
    usable(
        "huggingface",
        &["HUGGINGFACE_API_KEY", "HUGGINGFACE_TOKEN", "HF_TOKEN", "HF_API_KEY", "HUGGING_FACE_HUB_TOKEN"],
    ),
    later("cohere", &["COHERE_API_KEY", "CO_API_KEY"], "Cohere is not built in yet"),
    later("ollama", &["OLLAMA_API_KEY"], "it is for Ollama's cloud; the Ollama on this machine wants no key"),
    later(
        "azure_openai",
        &["AZURE_OPENAI_API_KEY", "AZURE_OPENAI_KEY", "AZURE_OPENAI_AD_TOKEN"],
        "Azure OpenAI is not supported in this version",
    ),
    later(
        "bedrock",
        &["AWS_BEARER_TOKEN_BEDROCK", "AWS_SECRET_ACCESS_KEY"],
        "Amazon Bedrock is not supported in this version",
    ),
    later("vertex", &["GOOGLE_APPLICATION_CREDENTIALS"], "Vertex AI is not supported in this version"),
];

/// Variables that belong to a family's key and are no key, and that family.
const COMPANIONS: [(&str, &str); 1] = [("AWS_ACCESS_KEY_ID", "bedrock")];

/// What the name of a variable ends in that says where a provider is, behind what its keys' names begin with:
/// `OPENAI_BASE_URL`, `OPENAI_API_BASE`, `HF_ENDPOINT`. SDKs and tools differ, and one that is missed sends a key astray.
const BASE_ENDINGS: [&str; 9] = [
    "_BASE_URL",
    "_API_BASE_URL",
    "_API_BASE",
    "_API_URL",
    "_API_ENDPOINT",
    "_API_HOST",
    "_BASE",
    "_ENDPOINT",
    "_HOST",
];
/// What a key's variable ends in.
const KEY_ENDINGS: [&str; 5] = ["_API_KEY", "_AD_TOKEN", "_HUB_TOKEN", "_TOKEN", "_KEY"];
/// Beginnings that no key's variable has, and whose they are.
const MORE_BEGINNINGS: [(&str, &str); 3] =
    [("GOOGLE_GEMINI", "gemini"), ("NVIDIA_NIM", "nvidia"), ("HF_INFERENCE", "huggingface")];

/// `OPENAI_API_KEY_FILE` and the like hold something about a key, not the key.
const NO_KEYS: [&str; 9] = ["FILE", "PATH", "URL", "ID", "NAME", "HEADER", "ENV", "TYPE", "HELPER"];

/// The longest name that is made of a variable.
const MAX_NAME: usize = 48;

/// What a variable's name says.
pub(super) struct Variable {
    /// Whose key it holds.
    pub(super) family: &'static Family,
    /// What to call the key; for a list, what stands before the number.
    pub(super) name: String,
    /// Whether it holds several keys, divided by commas.
    pub(super) is_list: bool,
}

impl Family {
    /// Where it stands in the report.
    pub(super) fn rank(&self) -> usize {
        FAMILIES.iter().position(|family| family.provider == self.provider).unwrap_or(FAMILIES.len())
    }
}

/// Reads `STEM`, `STEM2`, `STEM_2`, `STEM_NAME` and `STEMS` (a list).
pub(super) fn read(variable: &str) -> Option<Variable> {
    FAMILIES.iter().find_map(|family| {
        let (name, is_list) = family.stems.iter().find_map(|stem| read_rest(variable.strip_prefix(stem)?))?;
        Some(Variable { family, name, is_list })
    })
}

/// The family that this variable belongs to without holding its key.
pub(super) fn companion(variable: &str) -> Option<&'static Family> {
    let (_, provider) = COMPANIONS.into_iter().find(|(name, _)| *name == variable)?;
    FAMILIES.iter().find(|family| family.provider == provider)
}

/// The family whose place this variable names.
pub(super) fn of_base(variable: &str) -> Option<&'static Family> {
    let beginnings = || BASE_ENDINGS.iter().filter_map(|ending| variable.strip_suffix(ending));
    let is_of = |family: &&Family| {
        let mut of_keys = family.stems.iter().filter_map(|stem| vendor(stem));
        of_keys.any(|of_key| beginnings().any(|beginning| beginning == of_key))
            || beginnings().any(|beginning| MORE_BEGINNINGS.contains(&(beginning, family.provider)))
    };
    FAMILIES.iter().find(is_of)
}

/// `OPENAI` of `OPENAI_API_KEY`.
fn vendor(stem: &str) -> Option<&str> {
    KEY_ENDINGS.iter().find_map(|ending| stem.strip_suffix(ending))
}

/// What follows the stem: the key's name, and whether it is a list.
fn read_rest(rest: &str) -> Option<(String, bool)> {
    if rest.is_empty() {
        return Some(("default".to_owned(), false));
    }
    if rest == "S" {
        return Some(("key-".to_owned(), true));
    }
    let label = rest.strip_prefix('_');
    let digits = label.unwrap_or(rest);
    if !digits.is_empty() && digits.len() <= 4 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some((format!("key-{digits}"), false));
    }
    let label = label?;
    let plain = label.len() <= MAX_NAME && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let name = label.to_ascii_lowercase().replace('_', "-");
    // Names of keys begin with a letter or a digit.
    let name = name.trim_matches('-');
    (plain && !NO_KEYS.contains(&label.to_ascii_uppercase().as_str()) && !name.is_empty())
        .then(|| (name.to_owned(), false))
}
