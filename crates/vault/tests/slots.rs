//! Several keyslots, each opening the vault on its own.

use keyward_vault::{Fault, KdfParams, RootHolder, Vault, VaultError};

use crate::support::{INSTALL, NOW, Room, fault, origin, place, secret};

fn add(room: &mut Room, holder: &RootHolder, label: &str) {
    let record = room.vault.add_slot(holder, KdfParams::FLOOR, label, "tester", &room.entropy, NOW).unwrap();
    room.records.push(record);
    room.vault.reload(&room.records).unwrap();
}

#[test]
fn s03_either_slot_opens_even_when_the_other_is_damaged() {
    let mut room = Room::new(60);
    let openai = origin("https://api.openai.com");
    let sealed = room.vault.seal(&place(&openai), &secret("a provider key"), &room.entropy).unwrap();
    let second = RootHolder::KeyFile(room.other_key_file("second.key"));
    add(&mut room, &second, "second");

    let slots: Vec<usize> = (0..room.records.len()).filter(|at| room.records[*at].kind == "keyslot").collect();
    assert_eq!(slots.len(), 2);
    for (damaged, opener) in [(slots[0], &second), (slots[1], &room.holder())] {
        for bad in [Vec::new(), vec![1, 2, 3], vec![9; 300]] {
            let mut records = room.records.clone();
            records[damaged].body = bad;
            let vault = Vault::from_records(INSTALL, &records).unwrap();
            vault.unlock(opener).unwrap();
            assert_eq!(vault.open(&place(&openai), &sealed).unwrap().expose(), b"a provider key");
        }
    }
}

#[test]
fn s03_a_damaged_slot_says_so_when_nothing_opens() {
    let mut room = Room::new(61);
    let holder = room.holder();
    let slot = room.record("keyslot");
    slot.body.truncate(10);
    let vault = Vault::from_records(INSTALL, &room.records).unwrap();
    assert_eq!(fault(vault.unlock(&holder)), Some(Fault::Form));
    room.record("keyslot").body[0] = 2;
    let vault = Vault::from_records(INSTALL, &room.records).unwrap();
    assert_eq!(vault.unlock(&holder).unwrap_err(), VaultError::UnsupportedVersion);
}

#[test]
fn a_passphrase_slot_beside_a_key_file_slot() {
    let mut room = Room::new(62);
    let passphrase = || RootHolder::Passphrase(secret("four random words here"));
    let vault = Vault::from_records(INSTALL, &room.records).unwrap();
    assert_eq!(vault.unlock(&passphrase()).unwrap_err(), VaultError::WrongRoot, "there is no such slot yet");
    add(&mut room, &passphrase(), "the operator's");
    let vault = Vault::from_records(INSTALL, &room.records).unwrap();
    vault.unlock(&passphrase()).unwrap();
    vault.lock();
    vault.unlock(&room.holder()).unwrap();

    let described: Vec<_> = vault.slots().into_iter().map(Result::unwrap).collect();
    let facts: Vec<_> =
        described.iter().map(|slot| (slot.holder, slot.label.as_str(), slot.created_by.as_str())).collect();
    assert_eq!(facts, [("key_file", "first", "init"), ("passphrase", "the operator's", "tester")]);
    assert_eq!(described[1].created_at, NOW);
}

#[test]
fn a_slot_belongs_to_its_row() {
    let mut room = Room::new(63);
    let holder = room.holder();
    room.record("keyslot").id.push('0');
    let vault = Vault::from_records(INSTALL, &room.records).unwrap();
    assert_eq!(fault(vault.unlock(&holder)), Some(Fault::Form));
}

#[test]
fn there_is_an_end_to_slots() {
    let mut room = Room::new(64);
    let path = room.other_key_file("second.key");
    for _ in 0..7 {
        add(&mut room, &RootHolder::KeyFile(path.clone()), "more");
    }
    let error =
        room.vault.add_slot(&RootHolder::KeyFile(path), KdfParams::FLOOR, "one too many", "x", &room.entropy, NOW);
    assert_eq!(error.unwrap_err(), VaultError::TooManySlots(8));
}
