//! The byte layout, and that nothing but the exact bytes in the exact place opens.

use keyward_vault::context::{Context, destination_hash};
use keyward_vault::{Fault, Key, VaultError, envelope};
use proptest::prelude::*;

use crate::support::{Ascending, Empty, Room, Seeded, fault, hex, is_integrity, origin, place, secret};

fn published<'a>() -> Context<'a> {
    Context {
        install: "inst_000000000000",
        tenant: "ten_A",
        table: "provider_key",
        record: "pk_0001",
        field: "secret",
        version: 1,
        key_id: 1,
        binding: destination_hash(&[origin("https://api.openai.com")]),
    }
}

fn key() -> Key {
    Key::from_slice(&[0x11; 32]).unwrap()
}

fn published_plaintext() -> String {
    format!("sk-proj-{}-not-a-real-key", "EXAMPLE")
}

#[test]
fn s01_published_vector_of_the_envelope() {
    let context = published();
    let encoded = context.encode();
    assert_eq!(encoded.len(), 141);
    assert_eq!(hex(&context.binding), "6c2e9ee917f6db37fd95ef7e82223e186084890fcf2a507ad3076b47473f792a");

    let sealed = envelope::seal(&key(), &context, published_plaintext().as_bytes(), &Ascending).unwrap();
    assert_eq!(hex(&sealed[..6]), "010100000001");
    assert_eq!(hex(&sealed[6..38]), "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    assert_eq!(hex(&sealed[38..70]), "b857eac0c313e431cd895f68dda0f46474539206ccb6fd17dfc907d847158a39");
    assert_eq!(
        hex(&sealed[70..]),
        "af7100ad77d7daba3bcd7be57b84a21641f6820dee8843797de9c0293f899ec211612c2e5715c4c97168a38a19c6"
    );
    let opened = envelope::open(&key(), &context, &sealed).unwrap();
    assert_eq!(*opened, published_plaintext().as_bytes());
}

#[test]
fn s01_every_flipped_bit_of_an_envelope_fails() {
    let sealed = envelope::seal(&key(), &published(), published_plaintext().as_bytes(), &Ascending).unwrap();
    for at in 0..sealed.len() {
        for bit in 0..8 {
            let mut bad = sealed.clone();
            bad[at] ^= 1 << bit;
            let error = envelope::open(&key(), &published(), &bad).unwrap_err();
            let expected = match at {
                0 | 1 => VaultError::UnsupportedVersion,
                2..6 => VaultError::Integrity(Fault::UnknownKey),
                6..70 => VaultError::Integrity(Fault::Commitment),
                _ => VaultError::Integrity(Fault::Tag),
            };
            assert_eq!(error, expected, "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn s01_every_cut_or_grown_envelope_fails() {
    let sealed = envelope::seal(&key(), &published(), published_plaintext().as_bytes(), &Ascending).unwrap();
    for length in 0..sealed.len() {
        assert!(is_integrity(envelope::open(&key(), &published(), &sealed[..length])), "{length} bytes");
    }
    let mut grown = sealed;
    grown.push(0);
    assert_eq!(fault(envelope::open(&key(), &published(), &grown)), Some(Fault::Tag));
    assert_eq!(fault(envelope::open(&key(), &published(), &vec![1; 1 << 20])), Some(Fault::Form));
}

#[test]
fn s01_another_place_or_key_fails_at_the_commitment() {
    let sealed = envelope::seal(&key(), &published(), b"secret", &Ascending).unwrap();
    let elsewhere = [
        Context { install: "inst_000000000001", ..published() },
        Context { tenant: "ten_B", ..published() },
        Context { table: "webhook", ..published() },
        Context { record: "pk_0002", ..published() },
        Context { field: "token", ..published() },
        Context { version: 2, ..published() },
        Context { binding: destination_hash(&[origin("https://api.openai.com:8443")]), ..published() },
        // The same letters, differently divided.
        Context { tenant: "ten_Ap", table: "rovider_key", ..published() },
    ];
    for context in elsewhere {
        assert_eq!(fault(envelope::open(&key(), &context, &sealed)), Some(Fault::Commitment), "{context:?}");
    }
    let other = Key::from_slice(&[0x12; 32]).unwrap();
    assert_eq!(fault(envelope::open(&other, &published(), &sealed)), Some(Fault::Commitment));
}

#[test]
fn destinations_are_a_set() {
    let (a, b) = (origin("https://a.example"), origin("https://b.example:444/v1"));
    let both = destination_hash(&[a.clone(), b.clone()]);
    assert_eq!(both, destination_hash(&[b.clone(), a.clone()]));
    assert_eq!(both, destination_hash(&[b.clone(), a.clone(), b]));
    assert_ne!(both, destination_hash(&[a]));
}

#[test]
fn the_same_secret_never_looks_the_same() {
    let entropy = Seeded::new(1);
    let first = envelope::seal(&key(), &published(), b"secret", &entropy).unwrap();
    let second = envelope::seal(&key(), &published(), b"secret", &entropy).unwrap();
    assert_ne!(first[6..], second[6..]);
}

#[test]
fn without_chance_nothing_is_sealed() {
    let error = envelope::seal(&key(), &published(), b"secret", &Empty).unwrap_err();
    assert!(matches!(error, VaultError::Entropy(_)));
}

#[test]
fn sealed_lengths_tell_the_bucket_only() {
    let room = Room::new(2);
    let openai = origin("https://api.openai.com");
    let length = |secret_len: usize| {
        room.vault.seal(&place(&openai), &secret(&"k".repeat(secret_len)), &room.entropy).unwrap().len()
    };
    assert_eq!(length(0), 70 + 64 + 16);
    assert_eq!(length(63), 70 + 64 + 16);
    assert_eq!(length(64), 70 + 128 + 16);
    assert_eq!(length(127), 70 + 128 + 16);
    assert_eq!(length(128), 70 + 192 + 16);
    assert_eq!(length(65_536), 70 + 65_600 + 16);
    let too_long = room.vault.seal(&place(&openai), &secret(&"k".repeat(65_537)), &room.entropy);
    assert_eq!(too_long.unwrap_err(), VaultError::TooLong(65_536));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_sealed_comes_back(bytes in proptest::collection::vec(any::<u8>(), 0..700), zeros in 0_usize..130) {
        // Ends that look like padding: zeros, and the mark itself.
        let mut bytes = bytes;
        bytes.push(0x80);
        bytes.resize(bytes.len() + zeros, 0);
        let room = Room::new(3);
        let openai = origin("https://api.openai.com");
        let sealed =
            room.vault.seal(&place(&openai), &keyward_domain::secret::Secret::new(bytes.clone()), &room.entropy).unwrap();
        prop_assert_eq!((sealed.len() - 86) % 64, 0);
        let opened = room.vault.open(&place(&openai), &sealed).unwrap();
        prop_assert_eq!(opened.expose(), &bytes[..]);
    }

    #[test]
    fn no_garbage_opens(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(envelope::open(&key(), &published(), &bytes).is_err());
    }
}
