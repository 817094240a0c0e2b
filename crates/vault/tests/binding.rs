//! A secret is bound to its row and to where it may be sent.

use std::borrow::Cow;

use keyward_domain::credential::{Credential, CredentialState};
use keyward_domain::ids::{CredentialId, ProviderId, TenantId};
use keyward_domain::routing::KeyTerms;
use keyward_vault::{Fault, Place};

use crate::support::{NOW, Room, fault, is_integrity, origin, place, secret};

fn credential(room: &Room, url: &str) -> Credential {
    let sealed_for = url.parse().unwrap();
    let mut credential = Credential {
        id: CredentialId::from_bits(42),
        tenant: TenantId::DEFAULT,
        provider: ProviderId::from_bits(1),
        name: "primary".to_owned(),
        state: CredentialState::Pending,
        hint: String::new(),
        envelope: Vec::new(),
        seal_version: 1,
        sealed_for,
        blind_index: Vec::new(),
        models: Vec::new(),
        proof: None,
        terms: KeyTerms::default(),
        created_at: NOW,
        revision: 1,
    };
    let sealed = room.vault.seal(&Place::of_credential(&credential), &secret("a provider key"), &room.entropy).unwrap();
    credential.envelope = sealed;
    credential
}

#[test]
fn s04_a_credential_opens_only_as_it_was_sealed() {
    let room = Room::new(10);
    let sealed = credential(&room, "https://api.openai.com/v1");
    let open = |credential: &Credential| room.vault.open(&Place::of_credential(credential), &credential.envelope);
    assert_eq!(open(&sealed).unwrap().expose(), b"a provider key");

    let renamed = Credential { name: "secondary".to_owned(), revision: 9, ..sealed.clone() };
    assert!(open(&renamed).is_ok(), "names are not part of the seal");
    let elsewhere = [
        "https://api.openai.com.evil.example/v1",
        "http://api.openai.com/v1",
        "https://api.openai.com:444/v1",
        "https://api.openai.co/v1",
        "https://[::1]/v1",
        "sandbox://api.openai.com",
    ];
    for url in elsewhere {
        let redirected = Credential { sealed_for: url.parse().unwrap(), ..sealed.clone() };
        assert_eq!(fault(open(&redirected)), Some(Fault::Commitment), "{url}");
    }
    let same_origin = Credential { sealed_for: "https://api.openai.com/v2".parse().unwrap(), ..sealed.clone() };
    assert!(open(&same_origin).is_ok(), "the path is not where a secret goes");
}

#[test]
fn s04_other_row_version_table_or_field_does_not_open() {
    let room = Room::new(11);
    let openai = origin("https://api.openai.com");
    let right = place(&openai);
    let sealed = room.vault.seal(&right, &secret("a provider key"), &room.entropy).unwrap();
    let elsewhere = [
        Place { record: Cow::Borrowed("pk_2"), ..right.clone() },
        Place { version: 2, ..right.clone() },
        Place { table: "webhook", ..right.clone() },
        Place { field: "token", ..right.clone() },
        Place { destinations: &[], ..right.clone() },
    ];
    for place in elsewhere {
        assert_eq!(fault(room.vault.open(&place, &sealed)), Some(Fault::Commitment), "{place:?}");
    }
    let two = [openai.clone(), origin("https://evil.example")];
    assert!(is_integrity(room.vault.open(&Place { destinations: &two, ..right }, &sealed)));
}

#[test]
fn s03_swapped_rows_do_not_open() {
    let room = Room::new(12);
    let openai = origin("https://api.openai.com");
    let of = |id| Place::of_provider_key(TenantId::DEFAULT, CredentialId::from_bits(id), 1, &openai);
    let first = room.vault.seal(&of(1), &secret("first"), &room.entropy).unwrap();
    let second = room.vault.seal(&of(2), &secret("second"), &room.entropy).unwrap();
    assert!(is_integrity(room.vault.open(&of(1), &second)));
    assert!(is_integrity(room.vault.open(&of(2), &first)));
    assert_eq!(room.vault.open(&of(1), &first).unwrap().expose(), b"first");
}

#[test]
fn s04_every_flipped_bit_of_a_sealed_secret_fails() {
    let room = Room::new(13);
    let openai = origin("https://api.openai.com");
    let sealed = room.vault.seal(&place(&openai), &secret("a provider key"), &room.entropy).unwrap();
    for at in 0..sealed.len() * 8 {
        let mut bad = sealed.clone();
        bad[at / 8] ^= 1 << (at % 8);
        assert!(room.vault.open(&place(&openai), &bad).is_err(), "bit {at}");
    }
}

#[test]
fn the_error_tells_nothing() {
    let room = Room::new(14);
    let openai = origin("https://api.openai.com");
    let sealed = room.vault.seal(&place(&openai), &secret("a provider key"), &room.entropy).unwrap();
    let wrong_place = room.vault.open(&Place { version: 2, ..place(&openai) }, &sealed).unwrap_err();
    let mut cut = sealed;
    cut.pop();
    let wrong_bytes = room.vault.open(&place(&openai), &cut).unwrap_err();
    assert_ne!(wrong_place, wrong_bytes, "the audit log may tell them apart");
    assert_eq!(wrong_place.to_string(), wrong_bytes.to_string());
}
