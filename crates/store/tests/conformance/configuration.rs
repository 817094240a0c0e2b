//! Configuration records.

use keyward_domain::ids::{CredentialId, InstallId, ProviderId, TenantId};
use keyward_domain::port::{Change, Records, Store, StoreError};

use crate::support::record::{admin_token, alias, audit, credential, price, provider, vault, virtual_key};

pub fn an_empty_store_is_empty(store: &dyn Store) {
    assert_eq!(store.load().unwrap(), Records::default());
    assert_eq!(store.audit(None, 10).unwrap(), []);
}

fn one_of_each() -> Vec<Change> {
    vec![
        Change::PutProvider(provider(1, "openai")),
        Change::PutCredential(credential(2, 1, "primary")),
        Change::PutVirtualKey(virtual_key(3, "app")),
        Change::PutAdminToken(admin_token(4, 5, "ci")),
        Change::PutAlias(alias("fast")),
        Change::PutPrice(price("gpt-4o")),
        Change::PutVault(vault("keyslot", "1")),
    ]
}

pub fn every_kind_of_record_comes_back_as_it_was(store: &dyn Store) {
    assert_eq!(store.commit(&one_of_each(), &audit(1)).unwrap(), 1);
    let expected = Records {
        revision: 1,
        install: None,
        vault: vec![vault("keyslot", "1")],
        providers: vec![provider(1, "openai")],
        credentials: vec![credential(2, 1, "primary")],
        virtual_keys: vec![virtual_key(3, "app")],
        admin_tokens: vec![admin_token(4, 5, "ci")],
        aliases: vec![alias("fast")],
        prices: vec![price("gpt-4o")],
        ..Records::default()
    };
    assert_eq!(store.load().unwrap(), expected);
}

pub fn every_kind_of_record_can_be_changed_and_removed(store: &dyn Store) {
    store.commit(&one_of_each(), &audit(1)).unwrap();
    let (mut other_provider, mut other_credential) = (provider(1, "renamed"), credential(2, 1, "second"));
    let (mut other_key, mut other_token) = (virtual_key(3, "other"), admin_token(4, 6, "other"));
    let (mut other_alias, mut other_price, mut other_vault) = (alias("fast"), price("gpt-4o"), vault("keyslot", "1"));
    (other_provider.revision, other_credential.revision) = (2, 2);
    (other_key.revision, other_token.revision) = (2, 2);
    (other_alias.revision, other_price.revision, other_vault.body) = (2, 2, vec![7]);
    other_alias.targets.clear();
    other_price.entry = serde_json::json!({"input": 1});
    let changes = [
        Change::PutProvider(other_provider.clone()),
        Change::PutCredential(other_credential.clone()),
        Change::PutVirtualKey(other_key.clone()),
        Change::PutAdminToken(other_token.clone()),
        Change::PutAlias(other_alias.clone()),
        Change::PutPrice(other_price.clone()),
        Change::PutVault(other_vault.clone()),
    ];
    assert_eq!(store.commit(&changes, &audit(2)).unwrap(), 2);
    let records = store.load().unwrap();
    assert_eq!((records.providers, records.credentials), (vec![other_provider], vec![other_credential]));
    assert_eq!((records.virtual_keys, records.admin_tokens), (vec![other_key], vec![other_token]));
    assert_eq!((records.aliases, records.prices), (vec![other_alias], vec![other_price]));
    assert_eq!(records.vault, [other_vault]);

    let removals = [
        Change::RemoveCredential(CredentialId::from_bits(2)),
        Change::RemoveProvider(ProviderId::from_bits(1)),
        Change::RemoveAlias(TenantId::DEFAULT, "fast".to_owned()),
        Change::RemovePrice(TenantId::DEFAULT, "openai".to_owned(), "gpt-4o".to_owned()),
        Change::RemoveVault("keyslot".to_owned(), "1".to_owned()),
    ];
    store.commit(&removals, &audit(3)).unwrap();
    let records = store.load().unwrap();
    assert!(records.providers.is_empty() && records.credentials.is_empty() && records.vault.is_empty());
    assert!(records.aliases.is_empty() && records.prices.is_empty());

    for removal in removals {
        let refused = store.commit(&[removal], &audit(4)).unwrap_err();
        assert!(matches!(refused, StoreError::Conflict(_)), "{refused}");
    }
}

pub fn a_revision_that_does_not_follow_is_a_conflict(store: &dyn Store) {
    let conflict = |key| {
        let refused = store.commit(&[Change::PutVirtualKey(key)], &audit(9)).unwrap_err();
        assert!(matches!(&refused, StoreError::Conflict(noun) if noun == "virtual key `app`"), "{refused}");
    };
    let at = |revision| {
        let mut key = virtual_key(3, "app");
        key.revision = revision;
        key
    };
    conflict(at(0));
    conflict(at(2));
    conflict(at(u64::MAX));
    store.commit(&[Change::PutVirtualKey(at(1))], &audit(1)).unwrap();
    conflict(at(0));
    conflict(at(1));
    conflict(at(3));
    conflict(at(u64::MAX));
    store.commit(&[Change::PutVirtualKey(at(2))], &audit(2)).unwrap();
    conflict(at(2));
    assert_eq!(store.load().unwrap().virtual_keys, [at(2)]);
    assert_eq!(store.load().unwrap().revision, 2);
}

pub fn names_are_unique(store: &dyn Store) {
    store.commit(&one_of_each(), &audit(1)).unwrap();
    let duplicate = |change, sentence: &str| {
        let refused = store.commit(&[change], &audit(2)).unwrap_err();
        assert!(matches!(refused, StoreError::Duplicate(_)), "{refused}");
        assert_eq!(refused.to_string(), sentence);
    };
    duplicate(Change::PutProvider(provider(21, "openai")), "provider `openai` already exists: choose another name");
    duplicate(
        Change::PutCredential(credential(22, 1, "primary")),
        "provider key `primary` already exists: choose another name",
    );
    duplicate(Change::PutVirtualKey(virtual_key(23, "app")), "virtual key `app` already exists: choose another name");
    duplicate(Change::PutAdminToken(admin_token(24, 5, "cd")), "admin token `cd` already exists: choose another name");
    duplicate(Change::PutAlias(alias("fast")), "alias `fast` already exists: choose another name");

    let mut taken = virtual_key(25, "other");
    store.commit(&[Change::PutVirtualKey(taken.clone())], &audit(3)).unwrap();
    (taken.name, taken.revision) = ("app".to_owned(), 2);
    duplicate(Change::PutVirtualKey(taken), "virtual key `app` already exists: choose another name");

    // Unique within its provider, not among all.
    let elsewhere = [Change::PutProvider(provider(31, "groq")), Change::PutCredential(credential(32, 31, "primary"))];
    store.commit(&elsewhere, &audit(4)).unwrap();
}

pub fn a_name_that_was_given_up_is_free(store: &dyn Store) {
    store.commit(&[Change::PutProvider(provider(1, "openai"))], &audit(1)).unwrap();
    let mut renamed = provider(1, "old");
    renamed.revision = 2;
    store.commit(&[Change::PutProvider(renamed), Change::PutProvider(provider(2, "openai"))], &audit(2)).unwrap();
    let names: Vec<_> = store.load().unwrap().providers.into_iter().map(|provider| provider.name).collect();
    assert_eq!(names, ["old", "openai"]);
}

pub fn a_provider_with_keys_stays(store: &dyn Store) {
    store.commit(&one_of_each(), &audit(1)).unwrap();
    let removal = Change::RemoveProvider(ProviderId::from_bits(1));
    let refused = store.commit(std::slice::from_ref(&removal), &audit(2)).unwrap_err();
    assert!(matches!(refused, StoreError::InUse(_)), "{refused}");
    store.commit(&[Change::RemoveCredential(CredentialId::from_bits(2)), removal], &audit(3)).unwrap();
}

pub fn a_key_needs_its_provider(store: &dyn Store) {
    let refused = store.commit(&[Change::PutCredential(credential(2, 1, "primary"))], &audit(1)).unwrap_err();
    assert!(matches!(refused, StoreError::Conflict(_)), "{refused}");
    assert!(refused.to_string().starts_with("the provider of provider key `primary`"), "{refused}");
}

pub fn all_changes_or_none(store: &dyn Store) {
    store.commit(&[Change::PutAlias(alias("fast"))], &audit(1)).unwrap();
    let before = store.load().unwrap();
    let changes = [
        Change::PutProvider(provider(1, "openai")),
        Change::RemoveAlias(TenantId::DEFAULT, "fast".to_owned()),
        Change::RemoveAlias(TenantId::DEFAULT, "no such alias".to_owned()),
    ];
    store.commit(&changes, &audit(2)).unwrap_err();
    assert_eq!(store.load().unwrap(), before);
    assert_eq!(store.audit(None, 10).unwrap().len(), 1);
}

pub fn an_installation_is_founded_once(store: &dyn Store) {
    let records = [vault("keyring", "1"), vault("keyslot", "1")];
    store.found(InstallId::from_bits(7), &records, &audit(1)).unwrap();
    let refused = store.found(InstallId::from_bits(8), &[vault("keyslot", "2")], &audit(2)).unwrap_err();
    assert!(matches!(refused, StoreError::Conflict(_)), "{refused}");
    let loaded = store.load().unwrap();
    assert_eq!((loaded.install, loaded.revision), (Some(InstallId::from_bits(7)), 1));
    assert_eq!(loaded.vault, records);
    assert_eq!(store.audit(None, 10).unwrap().len(), 1);
}

pub fn of_two_writers_with_the_same_revision_one_wins(store: &dyn Store) {
    store.commit(&[Change::PutVirtualKey(virtual_key(3, "app"))], &audit(1)).unwrap();
    let attempt = |tag: &str| {
        let mut key = virtual_key(3, "app");
        (key.revision, key.tags) = (2, vec![tag.to_owned()]);
        store.commit(&[Change::PutVirtualKey(key)], &audit(2)).is_ok()
    };
    let won = std::thread::scope(|scope| {
        let writers = ["a", "b", "c", "d"].map(|tag| scope.spawn(move || attempt(tag)));
        writers.into_iter().filter(|_| true).map(|writer| writer.join().unwrap()).filter(|won| *won).count()
    });
    assert_eq!(won, 1);
    assert_eq!(store.load().unwrap().virtual_keys[0].revision, 2);
    assert_eq!(store.audit(None, 10).unwrap().len(), 2);
}
