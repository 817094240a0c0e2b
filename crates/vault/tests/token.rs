//! Tokens are hashed with a pepper and checked in constant time.

use std::time::Duration;

use keyward_domain::token::{Environment, MintedToken, PresentedToken, TokenId};
use keyward_domain::virtual_key::TokenHash;
use keyward_vault::{RootHolder, Vault, Verified, create_key_file};

use crate::support::{Ascending, INSTALL, NOW, Room, hex, secret};

fn ascending<const N: usize>(from: u8) -> [u8; N] {
    std::array::from_fn(|i| from + u8::try_from(i).unwrap())
}

/// With this chance every key of the ring is 00..1f, the pepper too.
fn published_vault() -> Vault {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root.key");
    create_key_file(&path, &Ascending).unwrap();
    Vault::found(INSTALL, &RootHolder::KeyFile(path), &Ascending, NOW).unwrap().0
}

#[test]
fn v02_published_vectors_of_the_token_hash() {
    let vault = published_vault();
    let vectors = [
        (0, [0; 32], "6ca3456727835dcca44080b83f876f64bf24eb9fafea96bd93eb8fb42d4c750c"),
        (
            u64::from_be_bytes(ascending(1)),
            ascending(0),
            "0b1fd72f77a74e60a43fb5066aa222e421f6158bc964a75c65136024ab63d1a8",
        ),
    ];
    for (id, bits, mac) in vectors {
        let minted = MintedToken::from_parts(Environment::Live, TokenId::from_bits(id), &bits);
        let hash = vault.hash_token(minted.token.expose()).unwrap();
        assert_eq!((hash.pepper, hex(&hash.mac).as_str(), hash.expires_at), (1, mac, None));
    }
}

#[test]
fn v02_both_tokens_work_until_the_grace_period_ends() {
    let room = Room::new(20);
    let verifier = room.vault.token_verifier().unwrap();
    let old = MintedToken::mint(Environment::Live, &room.entropy).unwrap();
    let new = MintedToken::mint_for(Environment::Live, old.id, &room.entropy).unwrap();
    let end = NOW.plus(Duration::from_mins(1));
    let old_hash = TokenHash { expires_at: Some(end), ..room.vault.hash_token(old.token.expose()).unwrap() };
    let accepted = [room.vault.hash_token(new.token.expose()).unwrap(), old_hash];
    let check = |token: &MintedToken, now| {
        verifier.verify(&PresentedToken::parse(token.token.expose()).unwrap(), &accepted, now)
    };
    assert_eq!(check(&old, NOW), Verified::Live);
    assert_eq!(check(&old, end), Verified::RotatedOut);
    assert_eq!(check(&new, NOW), Verified::Live);
    assert_eq!(check(&new, end), Verified::Live);
    let stranger = MintedToken::mint_for(Environment::Live, old.id, &room.entropy).unwrap();
    assert_eq!(check(&stranger, NOW), Verified::Wrong);
}

#[test]
fn a_hash_under_an_unknown_pepper_or_none_accepts_nobody() {
    let room = Room::new(21);
    let verifier = room.vault.token_verifier().unwrap();
    let minted = MintedToken::mint(Environment::Live, &room.entropy).unwrap();
    let hash = room.vault.hash_token(minted.token.expose()).unwrap();
    let token = PresentedToken::parse(minted.token.expose()).unwrap();
    assert_eq!(verifier.verify(&token, &[TokenHash { pepper: 2, ..hash }], NOW), Verified::Wrong);
    assert_eq!(verifier.verify(&token, &[], NOW), Verified::Wrong);
    assert_eq!(verifier.verify(&token, &[hash], NOW), Verified::Live);
    verifier.verify_dummy(&token);
}

#[test]
fn every_flipped_bit_of_a_kept_hash_refuses() {
    let room = Room::new(22);
    let verifier = room.vault.token_verifier().unwrap();
    let minted = MintedToken::mint(Environment::Adm, &room.entropy).unwrap();
    let hash = room.vault.hash_token(minted.token.expose()).unwrap();
    let token = PresentedToken::parse(minted.token.expose()).unwrap();
    for bit in 0..256 {
        let mut bad = hash;
        bad.mac[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(verifier.verify(&token, &[bad], NOW), Verified::Wrong, "bit {bit}");
    }
}

#[test]
fn a_verifier_outlives_the_lock_and_another_installation_has_another_pepper() {
    let (here, there) = (Room::new(23), Room::new(24));
    let minted = MintedToken::mint(Environment::Live, &here.entropy).unwrap();
    let token = PresentedToken::parse(minted.token.expose()).unwrap();
    let hash = here.vault.hash_token(minted.token.expose()).unwrap();
    let verifier = here.vault.token_verifier().unwrap();
    here.vault.lock();
    assert_eq!(verifier.verify(&token, &[hash], NOW), Verified::Live);
    assert_eq!(there.vault.token_verifier().unwrap().verify(&token, &[hash], NOW), Verified::Wrong);
    assert!(!format!("{verifier:?}").contains(&hex(&hash.mac)[..8]));
}

#[test]
fn blind_index_finds_duplicates_and_only_those() {
    let (here, there) = (Room::new(25), Room::new(26));
    let index = |room: &Room, text: &str| room.vault.blind_index(&secret(text)).unwrap();
    assert_eq!(index(&here, "the same key"), index(&here, "the same key"));
    assert_ne!(index(&here, "the same key"), index(&here, "the same keY"));
    assert_ne!(index(&here, "the same key"), index(&there, "the same key"));
    assert_eq!(index(&here, "the same key"), here.reopened().blind_index(&secret("the same key")).unwrap());
}
