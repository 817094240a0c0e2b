//! Every tenant has its own key.

use keyward_domain::ids::{CredentialId, TenantId};
use keyward_domain::origin::Origin;
use keyward_vault::{Fault, Place, Vault, VaultError};

use crate::support::{INSTALL, Room, fault, is_integrity, origin, secret};

const OTHER: TenantId = TenantId::from_bits(99);

fn of(tenant: TenantId, destination: &Origin) -> Place<'_> {
    Place::of_provider_key(tenant, CredentialId::from_bits(1), 1, destination)
}

#[test]
fn a_tenant_key_comes_back_until_the_store_has_it() {
    let mut room = Room::new(70);
    assert_eq!(room.vault.ensure_tenant_key(TenantId::DEFAULT, &room.entropy).unwrap(), None);
    let openai = origin("https://api.openai.com");
    let early = room.vault.seal(&of(OTHER, &openai), &secret("x"), &room.entropy);
    assert_eq!(early.unwrap_err(), VaultError::NoTenantKey);

    let record = room.vault.ensure_tenant_key(OTHER, &room.entropy).unwrap().unwrap();
    let again = room.vault.ensure_tenant_key(OTHER, &room.entropy).unwrap().unwrap();
    assert_eq!(record, again, "a failed commit must not lose the key");
    let sealed = room.vault.seal(&of(OTHER, &openai), &secret("a provider key"), &room.entropy).unwrap();

    room.records.push(record);
    room.vault.reload(&room.records).unwrap();
    assert_eq!(room.vault.ensure_tenant_key(OTHER, &room.entropy).unwrap(), None);
    for vault in [&room.vault, &room.reopened()] {
        assert_eq!(vault.open(&of(OTHER, &openai), &sealed).unwrap().expose(), b"a provider key");
    }
}

#[test]
fn v05_one_tenants_secret_does_not_open_for_another() {
    let room = Room::new(71);
    let openai = origin("https://api.openai.com");
    room.vault.ensure_tenant_key(OTHER, &room.entropy).unwrap().unwrap();
    let sealed = room.vault.seal(&of(OTHER, &openai), &secret("theirs"), &room.entropy).unwrap();
    assert_eq!(fault(room.vault.open(&of(TenantId::DEFAULT, &openai), &sealed)), Some(Fault::Commitment));
    assert_eq!(fault(room.vault.open(&of(TenantId::from_bits(5), &openai), &sealed)), Some(Fault::UnknownKey));
}

#[test]
fn v05_tenant_keys_cannot_be_swapped() {
    let mut room = Room::new(72);
    let record = room.vault.ensure_tenant_key(OTHER, &room.entropy).unwrap().unwrap();
    let openai = origin("https://api.openai.com");
    let sealed = room.vault.seal(&of(OTHER, &openai), &secret("theirs"), &room.entropy).unwrap();
    let own = room.record("tenant_key").body.clone();
    room.record("tenant_key").body = record.body.clone();
    room.records.push(keyward_domain::port::VaultRecord { body: own, ..record });
    let vault = Vault::from_records(INSTALL, &room.records).unwrap();
    vault.unlock(&room.holder()).unwrap();
    assert!(is_integrity(vault.open(&of(OTHER, &openai), &sealed)));
    assert!(is_integrity(vault.open(&of(TenantId::DEFAULT, &openai), &sealed)));
}

#[test]
fn a_damaged_tenant_key_stops_its_tenant_only_and_is_never_replaced() {
    let mut room = Room::new(73);
    let record = room.vault.ensure_tenant_key(OTHER, &room.entropy).unwrap().unwrap();
    room.records.push(record);
    let at = room.records.len() - 1;
    *room.records[at].body.last_mut().unwrap() ^= 1;
    let vault = room.reopened();
    let openai = origin("https://api.openai.com");
    assert!(is_integrity(vault.ensure_tenant_key(OTHER, &room.entropy)));
    assert!(vault.seal(&of(OTHER, &openai), &secret("x"), &room.entropy).is_err());
    let sealed = vault.seal(&of(TenantId::DEFAULT, &openai), &secret("ours"), &room.entropy).unwrap();
    assert_eq!(vault.open(&of(TenantId::DEFAULT, &openai), &sealed).unwrap().expose(), b"ours");
}

#[test]
fn a_failed_reload_changes_nothing() {
    let mut room = Room::new(74);
    let openai = origin("https://api.openai.com");
    let sealed = room.vault.seal(&of(TenantId::DEFAULT, &openai), &secret("ours"), &room.entropy).unwrap();
    let good = room.records.clone();
    *room.record("keyring").body.last_mut().unwrap() ^= 1;
    assert!(is_integrity(room.vault.reload(&room.records)));
    assert!(is_integrity(room.vault.reload(&[])));
    assert_eq!(room.vault.open(&of(TenantId::DEFAULT, &openai), &sealed).unwrap().expose(), b"ours");
    room.vault.reload(&good).unwrap();
    room.vault.lock();
    room.vault.reload(&good).unwrap();
    assert!(room.vault.is_locked(), "reloading does not unlock");
}
