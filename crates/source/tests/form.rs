//! Which vendor's key a secret looks like.

use std::collections::BTreeSet;

use keyward_domain::secret::Secret;
use keyward_source::{classify, form};
use proptest::prelude::*;

use crate::sample;

fn secret(text: &str) -> Secret {
    Secret::from(text.to_owned())
}

#[test]
fn k11_every_form_that_speaks_for_itself_is_recognised() {
    for (id, provider, key) in sample::keys() {
        let found = form(&secret(&key)).unwrap_or_else(|| unreachable!("{id} is not recognised"));
        assert_eq!((found.id.as_str(), found.provider.as_str()), (id, provider));
        assert_eq!(classify(&secret(&key)), Some(provider));
    }
}

#[test]
fn k11_there_is_a_sample_of_every_form() {
    let data: serde_json::Value = serde_json::from_str(include_str!("../data/key_forms.json")).unwrap();
    let speaks = |form: &&serde_json::Value| form["near"].as_array().unwrap().is_empty();
    let listed: BTreeSet<&str> =
        data.as_array().unwrap().iter().filter(speaks).map(|form| form["id"].as_str().unwrap()).collect();
    let sampled: BTreeSet<&str> = sample::keys().into_iter().map(|(id, ..)| id).collect();
    assert_eq!(listed, sampled);
}

#[test]
fn only_whole_keys_are_recognised() {
    for (id, _, key) in sample::keys() {
        assert_eq!(classify(&secret(&format!("{key} "))), None, "{id}");
        assert_eq!(classify(&secret(&format!(" {key}"))), None, "{id}");
        assert_eq!(classify(&secret(&format!("{key}\n{key}"))), None, "{id}");
    }
}

#[test]
fn what_could_be_anything_is_nothing() {
    for text in ["", "sk-", "hello", &"a".repeat(32), &"k".repeat(40), &format!("sk-{}", "a".repeat(32))] {
        assert_eq!(classify(&secret(text)), None, "{text}");
    }
    assert_eq!(classify(&Secret::new(vec![0xff; 100])), None);
}

#[test]
fn keys_that_should_not_be_pooled_come_with_a_warning() {
    for id in ["openai_admin", "anthropic_admin", "anthropic_oauth", "bedrock_short", "kw"] {
        assert!(form(&secret(&sample::key(id))).unwrap().warning.is_some(), "{id}");
    }
    for id in ["openai_project", "anthropic_api", "gemini_new", "groq"] {
        assert_eq!(form(&secret(&sample::key(id))).unwrap().warning, None, "{id}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = classify(&Secret::new(bytes));
    }
}
