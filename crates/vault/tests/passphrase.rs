//! Passphrases: what they must be, what one guess costs, and that nobody can set the cost from outside.

use std::time::{Duration, Instant};

use keyward_domain::port::VaultRecord;
use keyward_vault::{KdfParams, RootHolder, Vault, VaultError};

use crate::support::{INSTALL, NOW, Seeded, origin, place, secret};

fn holder(text: &str) -> RootHolder {
    RootHolder::Passphrase(secret(text))
}

const GOOD: &str = "correct horse battery";

fn founded() -> (Vault, Vec<VaultRecord>) {
    Vault::found_with(INSTALL, &holder(GOOD), KdfParams::FLOOR, &Seeded::new(40), NOW).unwrap()
}

#[test]
fn s01_a_passphrase_opens_what_it_sealed_and_no_other_does() {
    let (vault, records) = founded();
    let openai = origin("https://api.openai.com");
    let sealed = vault.seal(&place(&openai), &secret("a provider key"), &Seeded::new(41)).unwrap();
    let again = Vault::from_records(INSTALL, &records).unwrap();
    assert_eq!(again.unlock(&holder("correct horse batterY")).unwrap_err(), VaultError::WrongRoot);
    assert_eq!(again.unlock(&holder("")).unwrap_err(), VaultError::WrongRoot);
    assert!(again.is_locked());
    again.unlock(&holder(GOOD)).unwrap();
    assert_eq!(again.open(&place(&openai), &sealed).unwrap().expose(), b"a provider key");
}

#[test]
fn weak_passphrases_are_refused_before_any_work() {
    let before = Instant::now();
    for weak in ["", "sh0rt", "thirteen char", "aaaaaaaaaaaaaaaaaaaa", "ababababababababab", &"x1y2z3".repeat(400)] {
        let error = Vault::found(INSTALL, &holder(weak), &Seeded::new(42), NOW).unwrap_err();
        assert!(matches!(error, VaultError::Passphrase(_)), "{weak:?}: {error}");
        assert!(weak.is_empty() || !error.to_string().contains(weak));
    }
    let not_text = RootHolder::Passphrase(keyward_domain::secret::Secret::new(vec![0xff; 20]));
    assert!(matches!(Vault::found(INSTALL, &not_text, &Seeded::new(42), NOW), Err(VaultError::Passphrase(_))));
    assert!(before.elapsed() < Duration::from_millis(200));
}

#[test]
fn a_passphrase_is_counted_in_characters() {
    let thirteen = "\u{e9}\u{e8}\u{ea}\u{eb}\u{e0}\u{e2}\u{f9}\u{fb}\u{ee}\u{ef}\u{f4}\u{e7}\u{fc}";
    assert!(matches!(Vault::found(INSTALL, &holder(thirteen), &Seeded::new(43), NOW), Err(VaultError::Passphrase(_))));
}

#[test]
fn parameters_stay_within_bounds() {
    assert_eq!(
        (KdfParams::DEFAULT.memory_kib(), KdfParams::DEFAULT.passes(), KdfParams::DEFAULT.lanes()),
        (262_144, 3, 4)
    );
    for (memory, passes, lanes) in [(65_536, 2, 1), (1_048_576, 10, 8)] {
        assert!(KdfParams::new(memory, passes, lanes).is_ok());
    }
    let outside = [
        (65_535, 3, 4),
        (1_048_577, 3, 4),
        (u32::MAX, 3, 4),
        (0, 0, 0),
        (65_536, 1, 4),
        (65_536, 11, 4),
        (65_536, u32::MAX, 4),
        (65_536, 3, 0),
        (65_536, 3, 9),
        (65_536, 3, u32::MAX),
    ];
    for (memory, passes, lanes) in outside {
        assert_eq!(KdfParams::new(memory, passes, lanes), Err(VaultError::ParamsOutOfRange));
    }
}

/// Writes other Argon2id parameters into the slot.
fn with_params(records: &[VaultRecord], numbers: [u32; 3]) -> Vec<VaultRecord> {
    let mut records = records.to_vec();
    let slot = records.iter_mut().find(|record| record.kind == "keyslot").unwrap();
    let floor = [KdfParams::FLOOR.memory_kib(), KdfParams::FLOOR.passes(), KdfParams::FLOOR.lanes()];
    let bytes = |numbers: [u32; 3]| numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<u8>>();
    let at = slot.body.windows(12).position(|window| window == bytes(floor)).unwrap();
    slot.body[at..at + 12].copy_from_slice(&bytes(numbers));
    records
}

#[test]
fn s05_parameter_bombs_are_refused_before_argon2_runs() {
    let (_, records) = founded();
    for bomb in [[u32::MAX, 3, 4], [65_536, u32::MAX, 4], [65_536, 3, u32::MAX], [8, 1, 1], [0, 0, 0]] {
        let vault = Vault::from_records(INSTALL, &with_params(&records, bomb)).unwrap();
        let before = Instant::now();
        assert_eq!(vault.unlock(&holder(GOOD)).unwrap_err(), VaultError::ParamsOutOfRange);
        assert!(before.elapsed() < Duration::from_millis(10), "{bomb:?} took {:?}", before.elapsed());
    }
}

#[test]
fn s05_parameters_cannot_be_changed_quietly() {
    let (_, records) = founded();
    let vault = Vault::from_records(INSTALL, &with_params(&records, [65_536, 3, 1])).unwrap();
    assert_eq!(vault.unlock(&holder(GOOD)).unwrap_err(), VaultError::WrongRoot);
}
