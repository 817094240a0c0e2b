//! What may be shown of a secret.

use keyward_domain::secret::Secret;
use keyward_vault::hint;

use crate::support::secret;

fn of(text: &str) -> String {
    hint(&secret(text))
}

#[test]
fn s02_long_secrets_show_their_kind_and_four_characters() {
    assert_eq!(of(&format!("sk-proj-{}Qx7A", "k".repeat(40))), "sk-proj-...Qx7A");
    assert_eq!(of(&format!("sk-ant-{}{}Qx7A", "api03-", "k".repeat(40))), "sk-ant-api03-...Qx7A");
    assert_eq!(of(&format!("sk-ant-{}{}Qx7A", "zzz99-", "k".repeat(40))), "sk-ant-...Qx7A");
    assert_eq!(of(&format!("{}Qx7A", "k".repeat(20))), "...Qx7A");
}

#[test]
fn s02_short_secrets_show_no_character_of_their_own() {
    assert_eq!(of(&format!("sk-{}Qx7A", "k".repeat(16))), "sk-...");
    assert_eq!(of(&format!("{}Qx7A", "k".repeat(19))), "...");
    assert_eq!(of(""), "...");
    assert_eq!(of("ab"), "...");
}

#[test]
fn s02_only_plain_characters_are_shown() {
    assert_eq!(of(&format!("{{\"type\":\"{}\"}}\n", "k".repeat(40))), "...");
    assert_eq!(of(&"\u{e9}".repeat(40)), "...");
    assert_eq!(hint(&Secret::new(vec![0xff; 64])), "...");
}
