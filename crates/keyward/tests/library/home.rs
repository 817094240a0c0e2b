//! A home is opened, closed, and opened by one at a time.

use keyward::{ChatRequest, Error, Keyward, Options, Outcome, ProviderId};

use crate::place::{Place, add};

#[tokio::test]
async fn two_on_one_home_are_refused_and_one_after_the_other_is_not() {
    let place = Place::empty();
    let first = place.open().await;
    let second = Keyward::open(Options::in_home(place.home())).await.unwrap_err();
    let Error::InUse { home } = &second else { panic!("{second}") };
    assert_eq!(*home, place.home());
    assert!(second.to_string().contains("is in use by another process or another `Keyward`"), "{second}");
    // The first one does not mind.
    add(&first, &["one"]).await;
    first.close().await.unwrap();
    place.open().await.close().await.unwrap();
}

#[tokio::test]
async fn a_home_remembers_keys_ledger_and_standings() {
    let place = Place::empty();
    let before = place.open().await;
    add(&before, &["one", "two"]).await;
    before.chat(ChatRequest::new("sandbox-small").user("Hello")).await.unwrap();
    let lease = before.next_key(ProviderId::SANDBOX).await.unwrap();
    let limited = lease.key().to_owned();
    lease.report(Outcome::rate_limited(std::time::Duration::from_hours(1))).await.unwrap();
    let told = before.report().await.unwrap();
    before.close().await.unwrap();

    let after = place.open().await;
    assert_eq!(after.report().await.unwrap(), told);
    let health = after.health().await.unwrap();
    assert_eq!(health.keys.iter().find(|key| key.key == limited).unwrap().state, "cooling");
    after.close().await.unwrap();
}

#[tokio::test]
async fn after_closing_everything_says_so() {
    let place = Place::empty();
    let keyward = place.open().await;
    add(&keyward, &["one"]).await;
    let clone = keyward.clone();
    let lease = keyward.next_key(ProviderId::SANDBOX).await.unwrap();
    keyward.close().await.unwrap();
    assert!(matches!(lease.report(Outcome::unused()).await, Err(Error::Closed)));
    assert!(matches!(clone.next_key(ProviderId::SANDBOX).await, Err(Error::Closed)));
    assert!(matches!(clone.chat(ChatRequest::new("sandbox-small")).await, Err(Error::Closed)));
    assert!(matches!(clone.health().await, Err(Error::Closed)));
    assert!(matches!(clone.report().await, Err(Error::Closed)));
    drop(clone);
    place.open().await.close().await.unwrap();
}

#[tokio::test]
async fn a_lease_that_was_under_way_when_its_home_closed_is_settled_at_the_next_start() {
    let place = Place::empty();
    let keyward = place.open().await;
    add(&keyward, &["one"]).await;
    let lease = keyward.key_for_model("sandbox-small").await.unwrap();
    let id = lease.id();
    keyward.close().await.unwrap();
    drop(lease);
    let (entries, audit) = place.kept();
    assert!(entries.is_empty(), "nothing is known of it yet");
    assert!(audit.iter().any(|entry| entry.action == "lease.take" && entry.object == id));
}

#[tokio::test]
async fn a_vault_with_a_passphrase_opens_with_it_and_not_without() {
    let place = Place::with_passphrase();
    let phrase = || "correct horse battery staple".to_owned();
    let first = Keyward::open(Options::in_home(place.home()).passphrase(phrase())).await.unwrap();
    add(&first, &["one"]).await;
    first.close().await.unwrap();
    assert!(matches!(Keyward::open(Options::in_home(place.home())).await, Err(Error::VaultLocked)));
    let wrong = Keyward::open(Options::in_home(place.home()).passphrase("wrong horse battery staple".to_owned())).await;
    assert!(matches!(wrong, Err(Error::Setup(_))), "{wrong:?}");
    let again = Keyward::open(Options::in_home(place.home()).passphrase(phrase())).await.unwrap();
    assert_eq!(again.next_key(ProviderId::SANDBOX).await.unwrap().secret().reveal(), "test-key-one");
    again.close().await.unwrap();
}

#[tokio::test]
async fn a_broken_config_says_where() {
    let place = Place::with_passphrase();
    std::fs::write(place.home().join("keyward.yaml"), "listen: { data: nowhere }\n").unwrap();
    let refused = Keyward::open(Options::in_home(place.home())).await.unwrap_err();
    let Error::Setup(sentence) = &refused else { panic!("{refused}") };
    assert!(sentence.contains("keyward.yaml:1") && sentence.contains("listen.data"), "{sentence}");
}

#[tokio::test]
async fn a_temporary_home_is_gone_after_its_last_handle() {
    let keyward = Keyward::open(Options::temporary()).await.unwrap();
    let shown = format!("{keyward:?}");
    let folder = shown.trim_start_matches("Keyward(").trim_end_matches("/home)");
    assert!(std::path::Path::new(folder).is_dir(), "{shown}");
    keyward.close().await.unwrap();
    assert!(!std::path::Path::new(folder).exists(), "{folder}");
}
