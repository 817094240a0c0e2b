//! The scanner finds every form of a planted secret, and nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use keyward_testkit::SeededEntropy;
use keyward_testkit::canary::{Canary, Encoding, Scanner};

fn planted() -> (Canary, Scanner) {
    let canary = Canary::mint_with_prefix(&SeededEntropy::new(7), "provider key", "sk-test-").unwrap();
    let other = Canary::mint(&SeededEntropy::new(8), "other").unwrap();
    let scanner = Scanner::new([other, canary.clone()]);
    (canary, scanner)
}

#[test]
fn every_encoding_is_found() {
    let (canary, scanner) = planted();
    let secret = canary.secret();
    let part = secret.strip_prefix("sk-test-").unwrap();
    let each = |write: fn(u8) -> String| secret.bytes().map(write).collect::<Vec<_>>().concat().into_bytes();
    let cases: Vec<(Encoding, Vec<u8>)> = vec![
        (Encoding::Raw, secret.clone().into_bytes()),
        (Encoding::Reversed, secret.chars().rev().collect::<String>().into_bytes()),
        (Encoding::Hex, each(|byte| format!("{byte:02x}"))),
        (Encoding::Hex, each(|byte| format!("{byte:02X}"))),
        (Encoding::Percent, each(|byte| format!("%{byte:02X}"))),
        (Encoding::Json, each(|byte| format!("\\u{byte:04x}"))),
        (Encoding::Utf16, secret.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        (Encoding::Prefix, part[..8].to_owned().into_bytes()),
        (Encoding::Suffix, part[part.len() - 8..].to_owned().into_bytes()),
    ];
    for (encoding, bytes) in cases {
        let noise = [b"before ".as_slice(), &bytes, b" after"].concat();
        let hits = scanner.scan(&noise);
        assert_eq!(hits.len(), 1, "{encoding:?}: {hits:?}");
        assert_eq!((hits[0].slot.as_str(), hits[0].encoding), ("provider key", encoding));
    }
}

#[test]
fn base64_is_found_at_every_alignment() {
    let (canary, scanner) = planted();
    for lead in 0..9 {
        let text = format!("{}{}, and more", "?".repeat(lead), canary.secret());
        for encoded in [STANDARD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
            assert!(!scanner.scan(encoded.as_bytes()).is_empty(), "lead {lead}: {encoded}");
        }
    }
}

#[test]
fn secrets_with_odd_characters_are_found_escaped() {
    let secret = ["pass", "word\"with/odd+chars é\\n"].concat();
    let scanner = Scanner::new([Canary::planted("odd", "", &secret)]);
    let json = serde_json::json!({ "value": secret }).to_string();
    assert_eq!(scanner.scan(json.as_bytes()).len(), 1);
    let percent: String = secret
        .bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    assert!(!scanner.scan(percent.as_bytes()).is_empty());
}

#[test]
fn prefixes_and_noise_are_not_secrets() {
    let (canary, scanner) = planted();
    let public = format!("sk-test-{}... {canary:?} sk-test-", "*".repeat(8));
    scanner.assert_clean("a masked key", public.as_bytes());
    let mut noise = vec![0_u8; 1 << 20];
    keyward_domain::port::Entropy::fill(&SeededEntropy::new(99), &mut noise).unwrap();
    scanner.assert_clean("noise", &noise);
    assert!(!format!("{canary:?}").contains(&canary.secret()[8..16]));
}

#[test]
fn files_are_read_across_their_chunks() {
    let (canary, scanner) = planted();
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("a/b");
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::write(deep.join("clean.log"), "nothing here").unwrap();
    assert!(scanner.scan_directory(folder.path()).unwrap().is_empty());
    // The secret lies across the boundary of the first mebibyte.
    let mut big = vec![b'.'; (1 << 20) - 20];
    big.extend_from_slice(canary.secret().as_bytes());
    big.extend(std::iter::repeat_n(b'.', 1 << 20));
    std::fs::write(deep.join("big.log"), &big).unwrap();
    std::fs::write(deep.join(format!("{}.txt", &canary.secret()[8..])), "").unwrap();
    let found = scanner.scan_directory(folder.path()).unwrap();
    assert_eq!(
        found.iter().filter(|found| found.path.ends_with("big.log") && found.hit.encoding == Encoding::Raw).count(),
        1
    );
    assert!(found.iter().any(|found| !found.path.ends_with("big.log")), "names leak as well as contents");
    let hit = &scanner.scan_file(&deep.join("big.log")).unwrap();
    assert!(hit.iter().any(|hit| hit.encoding == Encoding::Raw && hit.offset == (1 << 20) - 20 + 8));
}

#[test]
#[should_panic(expected = "secrets in a log")]
fn a_leak_fails_the_test() {
    let (canary, scanner) = planted();
    scanner.assert_clean("a log", canary.secret().as_bytes());
}
