//! One credential, in the right header, marked so that nobody prints it.

use keyward_domain::dialect::Dialect;
use keyward_domain::provider::ProviderKind;
use keyward_domain::secret::Secret;
use keyward_provider::{BadSecret, credential_header};

fn secret() -> Secret {
    Secret::from(format!("{}-{}", "sk-test", "0123456789"))
}

#[test]
fn s04_each_kind_takes_it_in_its_own_header() {
    let cases = [
        (ProviderKind::OpenAi, Dialect::OpenAi, "authorization", "Bearer sk-test-0123456789"),
        (ProviderKind::OpenAiCompatible, Dialect::OpenAi, "authorization", "Bearer sk-test-0123456789"),
        (ProviderKind::OpenAiCompatible, Dialect::Anthropic, "x-api-key", "sk-test-0123456789"),
        (ProviderKind::Anthropic, Dialect::Anthropic, "x-api-key", "sk-test-0123456789"),
        (ProviderKind::Gemini, Dialect::Gemini, "x-goog-api-key", "sk-test-0123456789"),
        (ProviderKind::Gemini, Dialect::OpenAi, "authorization", "Bearer sk-test-0123456789"),
    ];
    for (kind, dialect, name, value) in cases {
        let (found, sent) = credential_header(kind, dialect, &secret()).unwrap().unwrap();
        assert_eq!((found.as_str(), sent.as_bytes()), (name, value.as_bytes()), "{kind:?} {dialect:?}");
        assert!(sent.is_sensitive());
        assert!(!format!("{sent:?}").contains("0123"));
    }
}

#[test]
fn none_where_none_is_needed() {
    let nothing = Secret::new(Vec::new());
    for dialect in Dialect::ALL {
        assert_eq!(credential_header(ProviderKind::Sandbox, dialect, &secret()), Ok(None));
    }
    assert_eq!(credential_header(ProviderKind::OpenAiCompatible, Dialect::OpenAi, &nothing), Ok(None));
    assert_eq!(credential_header(ProviderKind::OpenAi, Dialect::OpenAi, &nothing), Err(BadSecret::Empty));
}

#[test]
fn what_no_key_contains_is_refused_and_never_repeated() {
    let broken = ["sk-a\n", "sk-a\r\nx-evil: 1", "sk a", "\tsk", "sk-\u{e9}", "sk-\u{0}", "sk-\u{7f}"];
    for text in broken {
        let refused = credential_header(ProviderKind::OpenAi, Dialect::OpenAi, &Secret::from(text.to_owned()));
        assert_eq!(refused, Err(BadSecret::Characters), "{text:?}");
    }
    let long = Secret::new(vec![b'a'; 8 * 1024 + 1]);
    let refused = credential_header(ProviderKind::Gemini, Dialect::Gemini, &long).unwrap_err();
    assert_eq!(refused, BadSecret::TooLong);
    assert!(!refused.to_string().contains("aaa"));
}
