//! Damage in the files.

use std::path::PathBuf;
use std::sync::Arc;

use keyward_domain::port::{Journals, Store};
use keyward_store::journal::{OpenError, Recovered};
use keyward_store::memory::MemoryStore;

use super::{open, quick, try_open};
use crate::support::faulty::FaultyStore;
use crate::support::row::{entry, request, subject};
use crate::support::{Home, ManualClock};

/// The one segment that these steps make, and its length after each commit.
fn segment(home: &Home) -> (PathBuf, Vec<u64>) {
    let deaf: Arc<dyn Store> = FaultyStore::down(&ManualClock::new());
    let (journals, _) = open(home, &deaf, quick());
    let mut writer = Journals::open(&journals, 0).unwrap();
    let mut lengths = Vec::new();
    let mut commit = |writer: &mut dyn keyward_domain::port::Journal| {
        writer.commit().unwrap();
        lengths.push(home.segments()[0].1);
    };
    for n in 1..=2 {
        writer.reserve(&subject(n));
        commit(writer.as_mut());
    }
    for n in 1..=2 {
        writer.settle(entry(n));
        commit(writer.as_mut());
    }
    std::mem::forget(writer);
    drop(journals);
    (home.segments()[0].0.clone(), lengths)
}

/// What comes of a segment with these bytes.
fn recover(bytes: &[u8]) -> (Recovered, Arc<dyn Store>) {
    let home = Home::new();
    std::fs::create_dir(home.journal()).unwrap();
    std::fs::write(home.journal().join("0-1.kwj"), bytes).unwrap();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let (_, recovered) = open(&home, &store, quick());
    assert_eq!(home.segments(), []);
    (recovered, store)
}

#[test]
fn m07_a_tail_torn_at_any_byte_costs_only_the_last_record() {
    let home = Home::new();
    let (path, lengths) = segment(&home);
    let bytes = std::fs::read(path).unwrap();
    let [_, _, third, whole] = lengths[..] else { panic!("four commits") };
    for cut in third..whole {
        let (recovered, store) = recover(&bytes[..usize::try_from(cut).unwrap()]);
        assert_eq!(recovered, Recovered { replayed: 1, unsettled: 1, torn_bytes: cut - third }, "cut at {cut}");
        assert_eq!(store.request(request(1)).unwrap().unwrap().attempts, [entry(1)]);
    }
    assert_eq!(recover(&bytes).0, Recovered { replayed: 2, unsettled: 0, torn_bytes: 0 });
}

#[test]
fn m07_a_tail_of_zeros_or_noise_is_ignored() {
    let home = Home::new();
    let (path, _) = segment(&home);
    let bytes = std::fs::read(path).unwrap();
    for tail in [vec![0; 5000], vec![0xFF; 5000], (0..5000).map(|n: u32| n.to_le_bytes()[0]).collect()] {
        let (recovered, _) = recover(&[bytes.as_slice(), &tail].concat());
        assert_eq!(recovered, Recovered { replayed: 2, unsettled: 0, torn_bytes: 5000 });
    }
}

#[test]
fn m07_a_flipped_bit_costs_one_record_and_never_a_bill() {
    let home = Home::new();
    let (path, lengths) = segment(&home);
    let bytes = std::fs::read(path).unwrap();
    let second_reservation = usize::try_from(lengths[0]).unwrap();
    // Everything behind the damage is still read.
    for at in 8..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        let (recovered, store) = recover(&damaged);
        let expected = match at {
            // A lost reservation whose settlement is there.
            at if at < usize::try_from(lengths[1]).unwrap() => (2, 0),
            // A lost settlement whose reservation is there.
            _ => (1, 1),
        };
        assert_eq!((recovered.replayed, recovered.unsettled), expected, "at {at}");
        assert!(recovered.torn_bytes > 0);
        assert_eq!(store.ledger_totals().unwrap().entries, 2);
    }
    assert!(second_reservation > 8);
}

#[test]
fn an_empty_or_half_written_head_is_no_loss() {
    for head in [&b""[..], b"KWJ", &[0; 4096]] {
        let (recovered, store) = recover(head);
        assert_eq!((recovered.replayed, recovered.unsettled), (0, 0));
        assert_eq!(recovered.torn_bytes, u64::try_from(head.len()).unwrap());
        assert_eq!(store.ledger_totals().unwrap().entries, 0);
    }
}

#[test]
fn what_another_version_wrote_is_left_alone() {
    let unknown_kind = {
        let body = [9_u8, 1, 2, 3];
        let length = u32::try_from(body.len()).unwrap().to_le_bytes();
        [b"KWJRNL01".as_slice(), &length, &crc32(&body).to_le_bytes(), &body].concat()
    };
    for bytes in [b"KWJRNL99 something".to_vec(), unknown_kind] {
        let home = Home::new();
        std::fs::create_dir(home.journal()).unwrap();
        std::fs::write(home.journal().join("0-1.kwj"), &bytes).unwrap();
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let refused = try_open(&home, &store, quick()).err().unwrap();
        assert!(matches!(refused, OpenError::Foreign(_)), "{refused}");
        assert_eq!(std::fs::read(home.journal().join("0-1.kwj")).unwrap(), bytes);
    }
}

/// CRC-32/ISO-HDLC, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & 0_u32.wrapping_sub(crc & 1)))
    })
}
