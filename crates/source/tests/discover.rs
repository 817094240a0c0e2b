//! Which keys are found, for whom, and under which name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use keyward_source::{Base, DotEnv, Found, FoundIn, discover, left_out};

use crate::sample::{key, plain};

fn environment(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn found(variables: &[(&str, &str)]) -> Vec<Found> {
    discover(&environment(variables), &[])
}

/// Provider and key name of each.
fn names(found: &[Found]) -> Vec<(&str, &str)> {
    found.iter().map(|found| (found.provider_name, found.key_name.as_str())).collect()
}

#[test]
fn k11_every_documented_variable_is_known() {
    let supported = [
        ("OPENAI_API_KEY", "openai", "default"),
        ("OPENAI_API_KEY2", "openai", "key-2"),
        ("OPENAI_API_KEY_3", "openai", "key-3"),
        ("OPENAI_API_KEY_TEAM_EU", "openai", "team-eu"),
        ("OPENAI_API_KEY__odd_", "openai", "odd"),
        ("CLAUDE_API_KEY", "anthropic", "default"),
        ("ANTHROPIC_API_KEY", "anthropic", "default"),
        ("ANTHROPIC_API_KEY_2", "anthropic", "key-2"),
        ("GEMINI_API_KEY", "gemini", "default"),
        ("GOOGLE_API_KEY", "gemini", "default"),
        ("DEEPSEEK_API_KEY", "deepseek", "default"),
        ("MISTRAL_API_KEY", "mistral", "default"),
        ("HUGGINGFACE_API_KEY", "huggingface", "default"),
        ("HF_TOKEN", "huggingface", "default"),
        ("OPENROUTER_API_KEY", "openrouter", "default"),
        ("GROQ_API_KEY", "groq", "default"),
        ("XAI_API_KEY", "xai", "default"),
        ("TOGETHER_API_KEY", "together", "default"),
        ("FIREWORKS_API_KEY", "fireworks", "default"),
        ("PERPLEXITY_API_KEY", "perplexity", "default"),
        ("CEREBRAS_API_KEY", "cerebras", "default"),
        ("NVIDIA_API_KEY", "nvidia", "default"),
    ];
    for (variable, provider, name) in supported {
        let found = found(&[(variable, &plain("k"))]);
        assert_eq!(names(&found), [(provider, name)], "{variable}");
        assert!(found[0].supported && found[0].note.is_none(), "{variable}");
        assert_eq!((found[0].variable.as_str(), &found[0].place), (variable, &FoundIn::Environment));
        assert_eq!(found[0].secret.expose(), plain("k").as_bytes());
    }
}

#[test]
fn k11_keys_that_this_version_cannot_use_are_found_and_say_why() {
    let unsupported = [
        ("COHERE_API_KEY", "cohere"),
        ("OLLAMA_API_KEY", "ollama"),
        ("AZURE_OPENAI_API_KEY", "azure_openai"),
        ("AWS_SECRET_ACCESS_KEY", "bedrock"),
        ("AWS_BEARER_TOKEN_BEDROCK", "bedrock"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "vertex"),
    ];
    for (variable, provider) in unsupported {
        let found = found(&[(variable, "/etc/keys/of-some-length.json")]);
        assert_eq!(names(&found), [(provider, "default")], "{variable}");
        assert!(!found[0].supported && found[0].note.is_some(), "{variable}");
    }
}

#[test]
fn k11_lists_are_divided() {
    let list = format!("{}, {} ,,{}", plain("a"), plain("b"), plain("c"));
    let found = found(&[("DEEPSEEK_API_KEYS", &list)]);
    assert_eq!(names(&found), [("deepseek", "key-1"), ("deepseek", "key-2"), ("deepseek", "key-3")]);
    assert_eq!(found[1].secret.expose(), plain("b").as_bytes());
}

#[test]
fn other_variables_are_left_alone() {
    let others = [
        "OPENAI_API_BASE",
        "OPENAI_API_KEY_FILE",
        "OPENAI_API_KEY_PATH",
        "OPENAI_API_KEYRING",
        "MY_OPENAI_API_KEY",
        "openai_api_key",
        "OPENAI_API_KEY_",
        "OPENAI_API_KEY__",
        "AZURE_OPENAI_ENDPOINT",
        "AWS_REGION",
        "AWS_ACCESS_KEY_ID",
        "HF_HOME",
        "GOOGLE_CLOUD_PROJECT",
        "PATH",
        "",
    ];
    for variable in others {
        assert!(found(&[(variable, &plain("k"))]).is_empty(), "{variable}");
    }
}

#[test]
fn placeholders_are_no_keys() {
    for value in [
        "",
        "   ",
        "short",
        "your-api-key-here",
        "sk-your_key_goes_here",
        "<paste your key>",
        "${OPENAI_API_KEY}",
        "$OPENAI_API_KEY",
        "xxxxxxxxxxxxxxxxxxxx",
        "sk-...",
        "CHANGEME-please",
        "****************",
        "\"\"",
    ] {
        assert!(found(&[("OPENAI_API_KEY", value)]).is_empty(), "{value}");
    }
}

#[test]
fn what_is_passed_over_is_named_with_its_reason() {
    for (variable, value, provider, reason) in [
        ("OPENAI_API_KEY", "abc", "openai", "malformed"),
        ("OPENAI_API_KEY_TEAM", "your-api-key-here", "openai", "placeholder"),
        ("DEEPSEEK_API_KEYS", "abc,,", "deepseek", "malformed"),
        ("COHERE_API_KEY", "abc", "cohere", "not built in yet"),
        ("AWS_ACCESS_KEY_ID", "an-id-of-some-length", "bedrock", "not supported in this version"),
    ] {
        assert!(found(&[(variable, value)]).is_empty(), "{variable}");
        let left = left_out(&environment(&[(variable, value)]), &[]);
        assert_eq!(left.len(), 1, "{variable}");
        assert_eq!((left[0].provider_name, left[0].variable.as_str()), (provider, variable));
        assert!(left[0].reason.contains(reason), "{}", left[0].reason);
        assert!(!format!("{left:?}").contains(value), "{variable}");
    }
    let file = DotEnv::parse(Path::new(".env"), "OPENAI_API_KEY=abc\nGROQ_API_KEY=\nOTHER=abc\n");
    let left = left_out(&environment(&[("XAI_API_KEY", &plain("k"))]), &[file]);
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0].place, FoundIn::DotEnv(PathBuf::from(".env")));
}

#[test]
fn quotes_and_white_space_around_a_value_are_not_part_of_it() {
    for value in [format!(" {} ", plain("k")), format!("\"{}\"", plain("k")), format!("'{}'\n", plain("k"))] {
        assert_eq!(found(&[("OPENAI_API_KEY", &value)])[0].secret.expose(), plain("k").as_bytes());
    }
}

#[test]
fn the_same_secret_is_reported_once() {
    let found = found(&[
        ("ANTHROPIC_API_KEY", &plain("k")),
        ("CLAUDE_API_KEY", &plain("k")),
        ("CLAUDE_API_KEY_2", &plain("k")),
    ]);
    assert_eq!(names(&found), [("anthropic", "default")]);
    assert_eq!(found[0].also_in, ["CLAUDE_API_KEY", "CLAUDE_API_KEY_2"]);
}

#[test]
fn a_secret_under_two_providers_goes_to_the_one_it_looks_like() {
    let openrouter = key("openrouter");
    let twice = found(&[("OPENAI_API_KEY", &openrouter), ("OPENROUTER_API_KEY", &openrouter)]);
    assert_eq!(names(&twice), [("openrouter", "default")]);
    assert_eq!(twice[0].also_in, ["OPENAI_API_KEY"]);
    assert_eq!(twice[0].looks_like(), None);

    let alone = found(&[("OPENAI_API_KEY", &openrouter)]);
    assert_eq!(names(&alone), [("openai", "default")]);
    assert_eq!(alone[0].looks_like(), Some("openrouter"));
    assert!(alone[0].supported, "a mismatch warns and never refuses");
}

#[test]
fn names_are_unique_within_a_provider() {
    let found = found(&[
        ("ANTHROPIC_API_KEY", &plain("a")),
        ("CLAUDE_API_KEY", &plain("b")),
        ("GEMINI_API_KEY", &plain("c")),
        ("OPENAI_API_KEY2", &plain("d")),
        ("OPENAI_API_KEYS", &format!("{},{}", plain("e"), plain("f"))),
        ("OPENAI_API_KEY_2", &plain("g")),
    ]);
    let expected = [
        ("openai", "key-2"),
        ("openai", "key-1"),
        ("openai", "key-2-2"),
        ("openai", "key-2-3"),
        ("anthropic", "default"),
        ("anthropic", "default-2"),
        ("gemini", "default"),
    ];
    assert_eq!(names(&found), expected);
}

#[test]
fn env_files_come_after_the_environment() {
    let file = DotEnv::parse(
        Path::new("/app/.env"),
        &format!(
            "export OPENAI_API_KEY='{}'\nGROQ_API_KEY={} # mine\nOPENAI_API_KEY_B={}\n",
            plain("a"),
            plain("b"),
            plain("c")
        ),
    );
    let environment = environment(&[("OPENAI_API_KEY", &plain("z")), ("OPENAI_API_KEY_B", &plain("c"))]);
    let found = discover(&environment, &[file]);
    assert_eq!(names(&found), [("openai", "default"), ("openai", "b"), ("openai", "default-2"), ("groq", "default")]);
    assert_eq!(found[0].secret.expose(), plain("z").as_bytes());
    assert_eq!((&found[1].place, found[1].also_in.len()), (&FoundIn::Environment, 0));
    let place = FoundIn::DotEnv(PathBuf::from("/app/.env"));
    assert_eq!((&found[2].place, &found[3].place), (&place, &place));
}

#[test]
fn our_own_keys_are_never_taken_for_a_providers() {
    let found = found(&[("OPENAI_API_KEY", &key("kw"))]);
    assert!(!found[0].supported);
    assert!(found[0].note.as_ref().unwrap().contains("Keyward issued"));
}

#[test]
fn what_would_break_a_header_is_not_supported() {
    let found = found(&[("OPENAI_API_KEY", &format!("{}\r\nX-Injected: 1", plain("k")))]);
    assert!(!found[0].supported);
    assert!(found[0].note.as_ref().unwrap().contains("line break"));
}

#[test]
fn warnings_about_the_kind_of_key_are_passed_on() {
    let found = found(&[("ANTHROPIC_API_KEY", &key("anthropic_admin"))]);
    assert!(found[0].supported);
    assert!(found[0].note.as_ref().unwrap().contains("admin key"));
}

#[test]
fn s02_no_secret_shows_when_a_finding_is_printed() {
    let text = format!("{:?}", found(&[("OPENAI_API_KEY", &plain("k"))]));
    assert!(text.contains("OPENAI_API_KEY") && !text.contains("kkkk"), "{text}");
}

#[test]
fn there_is_an_end_to_keys() {
    let list = (0..5_000).map(|number| format!("test-key-{number}")).collect::<Vec<_>>().join(",");
    assert_eq!(found(&[("OPENAI_API_KEYS", &list)]).len(), 1_000);
}

/// A key beside such a variable belongs to the place that it names; K11's call that costs nothing must not go elsewhere.
#[test]
fn k11_what_says_where_a_key_goes_is_reported_with_the_key() {
    let elsewhere = "https://proxy.example/v1";
    for (key, base) in [
        ("OPENAI_API_KEY", "OPENAI_BASE_URL"),
        ("OPENAI_API_KEY_TEAM", "OPENAI_API_BASE"),
        ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"),
        ("CLAUDE_API_KEY", "ANTHROPIC_API_URL"),
        ("GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL"),
        ("GOOGLE_API_KEY", "GEMINI_API_BASE"),
        ("HF_TOKEN", "HF_ENDPOINT"),
        ("GROQ_API_KEY", "GROQ_BASE_URL"),
        ("DEEPSEEK_API_KEY", "DEEPSEEK_API_BASE"),
        ("NVIDIA_API_KEY", "NVIDIA_NIM_API_BASE"),
        ("OPENAI_API_KEY", "OPENAI_API_HOST"),
    ] {
        let found = found(&[(key, &plain("k")), (base, elsewhere)]);
        assert_eq!(found.len(), 1, "{key} {base}");
        let expected =
            Base { variable: base.to_owned(), place: FoundIn::Environment, base_url: elsewhere.parse().ok() };
        assert_eq!(found[0].bases, [expected], "{key} {base}");
    }
}

#[test]
fn only_what_goes_with_a_key_is_reported_with_it() {
    let bases = |variables: &[(&str, &str)]| -> Vec<Vec<String>> {
        let names = |found: Found| found.bases.into_iter().map(|base| base.variable).collect();
        found(variables).into_iter().map(names).collect()
    };
    let (one, other) = (plain("k"), plain("m"));
    let elsewhere = "https://proxy.example/v1";
    assert_eq!(bases(&[("OPENAI_API_KEY", &one), ("ANTHROPIC_BASE_URL", elsewhere)]), [Vec::<String>::new()]);
    assert_eq!(bases(&[("OPENAI_API_KEY", &one), ("OPENAI_BASE_URL", " ")]), [Vec::<String>::new()]);
    assert_eq!(bases(&[("OPENAI_API_KEY", &one), ("MY_OPENAI_BASE_URL", elsewhere)]), [Vec::<String>::new()]);
    let two = [("ANTHROPIC_API_KEY", other.as_str()), ("OPENAI_API_KEY", &one), ("OPENAI_BASE_URL", elsewhere)];
    assert_eq!(bases(&two), [vec!["OPENAI_BASE_URL".to_owned()], Vec::new()]);
    // The same secret for both: the place that one of them names is the place of the secret.
    let twin = [("ANTHROPIC_API_KEY", one.as_str()), ("OPENAI_API_KEY", &one), ("OPENAI_BASE_URL", elsewhere)];
    assert_eq!(bases(&twin), [["OPENAI_BASE_URL"]]);
}

#[test]
fn the_place_of_a_key_may_be_named_in_another_file_than_the_key() {
    let file = DotEnv::parse(Path::new(".env"), "OPENAI_BASE_URL='https://proxy.example/v1'\n");
    let found = discover(&environment(&[("OPENAI_API_KEY", &plain("k"))]), &[file]);
    let place = FoundIn::DotEnv(PathBuf::from(".env"));
    let base_url = "https://proxy.example/v1".parse().ok();
    assert_eq!(found[0].bases, [Base { variable: "OPENAI_BASE_URL".to_owned(), place, base_url }]);
}

#[test]
fn s02_a_place_that_is_no_base_url_says_so_and_repeats_nothing() {
    for odd in ["https://user:pa55word@proxy.example/v1", "proxy.example?key=pa55word", "pa55word"] {
        let found = found(&[("OPENAI_API_KEY", &plain("k")), ("OPENAI_BASE_URL", odd)]);
        assert_eq!(found[0].bases.len(), 1, "{odd}");
        assert_eq!(found[0].bases[0].base_url, None, "{odd}");
        assert!(!format!("{found:?}").contains("pa55word"), "{odd}");
    }
}
