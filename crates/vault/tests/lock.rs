//! Locked, the vault holds no key; unlocked by the right root only; a damaged record never opens as something else.

use keyward_domain::ids::{InstallId, TenantId};
use keyward_domain::port::VaultRecord;
use keyward_vault::{Fault, KdfParams, KeyedMac, MacPurpose, RootHolder, Vault, VaultError, create_key_file};

use crate::support::{Empty, INSTALL, NOW, Room, Seeded, fault, is_integrity, origin, place, secret};

#[test]
fn a_new_vault_is_unlocked_and_its_records_open_it_again() {
    let room = Room::new(50);
    assert!(!room.vault.is_locked());
    let openai = origin("https://api.openai.com");
    let sealed = room.vault.seal(&place(&openai), &secret("a provider key"), &room.entropy).unwrap();
    let again = Vault::from_records(INSTALL, &room.records).unwrap();
    assert!(again.is_locked());
    assert_eq!(again.open(&place(&openai), &sealed).unwrap_err(), VaultError::Locked);
    again.unlock(&room.holder()).unwrap();
    assert_eq!(again.open(&place(&openai), &sealed).unwrap().expose(), b"a provider key");
}

#[test]
fn locked_everything_is_refused() {
    let room = Room::new(51);
    let openai = origin("https://api.openai.com");
    let sealed = room.vault.seal(&place(&openai), &secret("a provider key"), &room.entropy).unwrap();
    room.vault.lock();
    room.vault.lock();
    assert!(room.vault.is_locked());
    let mac = KeyedMac { key_id: 1, mac: [0; 32] };
    let refused = [
        room.vault.seal(&place(&openai), &secret("x"), &room.entropy).err(),
        room.vault.open(&place(&openai), &sealed).err(),
        room.vault.blind_index(&secret("x")).err(),
        room.vault.hash_token(b"x").err(),
        room.vault.token_verifier().err(),
        room.vault.ensure_tenant_key(TenantId::DEFAULT, &room.entropy).err(),
        room.vault.mac(MacPurpose::Audit, &[]).err(),
        room.vault.verify_mac(MacPurpose::Audit, &[], &mac).err(),
        room.vault.add_slot(&room.holder(), KdfParams::FLOOR, "x", "x", &room.entropy, NOW).err(),
    ];
    for error in refused {
        assert_eq!(error, Some(VaultError::Locked));
    }
    room.vault.unlock(&room.holder()).unwrap();
    assert_eq!(room.vault.open(&place(&openai), &sealed).unwrap().expose(), b"a provider key");
}

#[test]
fn s01_no_key_stands_in_the_records() {
    let room = Room::new(52);
    let file = std::fs::read(room.key_file()).unwrap();
    let openai = origin("https://api.openai.com");
    let plain = "a provider key of some length";
    let sealed = room.vault.seal(&place(&openai), &secret(plain), &room.entropy).unwrap();
    let contains = |haystack: &[u8], needle: &[u8]| haystack.windows(needle.len()).any(|window| window == needle);
    for record in &room.records {
        assert!(!contains(&record.body, &file[..8]), "{}", record.kind);
    }
    assert!(!contains(&sealed, &plain.as_bytes()[..6]));
    assert!(!format!("{:?}", room.vault).contains(&format!("{:?}", &file[..2])));
}

#[test]
fn another_installation_does_not_open() {
    let room = Room::new(53);
    let elsewhere = Vault::from_records(InstallId::from_bits(8), &room.records).unwrap();
    assert_eq!(elsewhere.unlock(&room.holder()).unwrap_err(), VaultError::WrongRoot);
}

#[test]
fn s01_every_flipped_bit_of_the_vaults_own_records_is_noticed() {
    let mut room = Room::new(54);
    let holder = room.holder();
    for kind in ["keyslot", "keyring", "tenant_key"] {
        let bits = room.record(kind).body.len() * 8;
        for bit in 0..bits {
            room.record(kind).body[bit / 8] ^= 1 << (bit % 8);
            let vault = Vault::from_records(INSTALL, &room.records).unwrap();
            let outcome = vault.unlock(&holder).and_then(|()| {
                let openai = origin("https://api.openai.com");
                vault.seal(&place(&openai), &secret("x"), &Seeded::new(1)).map(|_| ())
            });
            assert!(outcome.is_err(), "bit {bit} of the {kind}");
            room.record(kind).body[bit / 8] ^= 1 << (bit % 8);
        }
    }
    room.reopened();
}

#[test]
fn records_that_do_not_make_a_vault_are_refused() {
    let room = Room::new(55);
    let without = |kind: &str| room.records.iter().filter(|record| record.kind != kind).cloned().collect::<Vec<_>>();
    assert_eq!(fault(Vault::from_records(INSTALL, &[])), Some(Fault::Missing));
    assert_eq!(fault(Vault::from_records(INSTALL, &without("keyslot"))), Some(Fault::Missing));
    assert_eq!(fault(Vault::from_records(INSTALL, &without("keyring"))), Some(Fault::Missing));
    let doubled = [room.records.clone(), room.records.clone()].concat();
    assert!(is_integrity(Vault::from_records(INSTALL, &doubled)));
    let mut strange = room.records.clone();
    strange.push(VaultRecord { kind: "horcrux".to_owned(), id: "1".to_owned(), body: vec![1] });
    assert_eq!(Vault::from_records(INSTALL, &strange).unwrap_err(), VaultError::UnsupportedVersion);
    for id in ["", "ten_A:1", "00", &format!("{}:0", TenantId::DEFAULT), &format!("{}:01", TenantId::DEFAULT)] {
        let mut strange = room.records.clone();
        strange.push(VaultRecord { kind: "tenant_key".to_owned(), id: id.to_owned(), body: vec![1] });
        assert_eq!(fault(Vault::from_records(INSTALL, &strange)), Some(Fault::Form), "{id}");
    }
}

#[test]
fn rings_of_two_installations_cannot_be_mixed() {
    let (mut here, mut there) = (Room::new(56), Room::new(57));
    *here.record("keyring") = there.record("keyring").clone();
    let vault = Vault::from_records(INSTALL, &here.records).unwrap();
    assert_eq!(fault(vault.unlock(&here.holder())), Some(Fault::Commitment));
    assert!(vault.is_locked());
}

#[test]
fn founding_without_chance_fails() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root.key");
    create_key_file(&path, &Seeded::new(1)).unwrap();
    let error = Vault::found(INSTALL, &RootHolder::KeyFile(path), &Empty, NOW).unwrap_err();
    assert!(matches!(error, VaultError::Entropy(_)));
}

#[test]
fn a_vault_is_shared_between_threads() {
    let room = Room::new(58);
    let openai = origin("https://api.openai.com");
    let sealed = room.vault.seal(&place(&openai), &secret("a provider key"), &room.entropy).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    match room.vault.open(&place(&openai), &sealed) {
                        Ok(opened) => assert_eq!(opened.expose(), b"a provider key"),
                        Err(error) => assert_eq!(error, VaultError::Locked),
                    }
                }
            });
        }
        for _ in 0..20 {
            room.vault.lock();
            room.vault.unlock(&room.holder()).unwrap();
        }
    });
}

#[test]
fn keyed_hashes_differ_by_purpose_and_by_how_the_parts_are_divided() {
    let room = Room::new(59);
    let mac = |purpose, parts: &[&[u8]]| room.vault.mac(purpose, parts).unwrap();
    let row = mac(MacPurpose::Row, &[b"grants", b"1"]);
    assert_eq!(row, mac(MacPurpose::Row, &[b"grants", b"1"]));
    assert_ne!(row.mac, mac(MacPurpose::Row, &[b"grants1", b""]).mac);
    assert_ne!(row.mac, mac(MacPurpose::Row, &[b"grants", b"1", b""]).mac);
    assert_ne!(row.mac, mac(MacPurpose::Audit, &[b"grants", b"1"]).mac);
    let verify = |parts: &[&[u8]], mac: &KeyedMac| room.vault.verify_mac(MacPurpose::Row, parts, mac);
    assert_eq!(verify(&[b"grants", b"1"], &row), Ok(true));
    assert_eq!(verify(&[b"grants", b"2"], &row), Ok(false));
    assert_eq!(fault(verify(&[b"grants", b"1"], &KeyedMac { key_id: 2, ..row })), Some(Fault::UnknownKey));
}
