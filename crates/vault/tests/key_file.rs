//! Which key files are accepted.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

use keyward_vault::{RootHolder, Vault, VaultError, create_key_file};

use crate::support::{Empty, INSTALL, NOW, Room, Seeded};

/// Why a file is refused; panics when it is accepted.
fn refusal(room: &Room, path: &Path) -> String {
    room.vault.lock();
    let outcome = room.vault.unlock(&RootHolder::KeyFile(path.to_owned()));
    assert!(room.vault.is_locked());
    match outcome {
        Err(VaultError::KeyFile { path: named, reason }) if named == path => reason,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn a_new_key_file_is_32_bytes_for_its_owner_only() {
    let room = Room::new(30);
    let facts = fs::metadata(room.key_file()).unwrap();
    assert_eq!((facts.mode() & 0o7777, facts.len()), (0o600, 32));
}

#[test]
fn a_key_file_is_never_overwritten() {
    let room = Room::new(31);
    let before = fs::read(room.key_file()).unwrap();
    let error = create_key_file(&room.key_file(), &room.entropy).unwrap_err();
    assert!(error.to_string().contains("never overwritten"), "{error}");
    assert_eq!(fs::read(room.key_file()).unwrap(), before);
    let dangling = room.folder.path().join("dangling");
    symlink(room.folder.path().join("elsewhere"), &dangling).unwrap();
    assert!(create_key_file(&dangling, &room.entropy).is_err());
    assert!(!room.folder.path().join("elsewhere").exists());
}

#[test]
fn without_chance_there_is_no_key_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root.key");
    assert!(matches!(create_key_file(&path, &Empty), Err(VaultError::Entropy(_))));
    assert!(!path.exists());
}

#[test]
fn s03_modes_that_let_others_in_are_refused() {
    let room = Room::new(32);
    for mode in [0o644, 0o640, 0o604, 0o660, 0o620, 0o602, 0o610, 0o700, 0o777] {
        fs::set_permissions(room.key_file(), Permissions::from_mode(mode)).unwrap();
        let reason = refusal(&room, &room.key_file());
        assert!(reason.contains("chmod 600") && reason.contains(&format!("{mode:04o}")), "{reason}");
    }
    for mode in [0o400, 0o600] {
        fs::set_permissions(room.key_file(), Permissions::from_mode(mode)).unwrap();
        room.vault.unlock(&room.holder()).unwrap();
    }
}

#[test]
fn s03_anything_but_a_regular_file_is_refused_at_once() {
    let room = Room::new(33);
    let link = room.folder.path().join("link");
    symlink(room.key_file(), &link).unwrap();
    assert!(refusal(&room, &link).contains("symbolic link"));
    assert!(refusal(&room, room.folder.path()).contains("not a regular file"));
    assert!(refusal(&room, Path::new("/dev/zero")).contains("not a regular file"));
    assert!(refusal(&room, &room.folder.path().join("nowhere")).contains("no such file"));

    let pipe = room.folder.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
    let before = Instant::now();
    assert!(refusal(&room, &pipe).contains("not a regular file"));
    assert!(before.elapsed() < Duration::from_secs(1), "nobody writes to the pipe, and nobody waits for it");
}

#[test]
fn s03_wrong_lengths_are_refused() {
    let room = Room::new(34);
    let path = room.folder.path().join("other.key");
    for length in [0, 31, 33, 64, 1 << 20] {
        fs::write(&path, vec![7; length]).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let reason = refusal(&room, &path);
        assert!(reason.contains(&format!("holds {length} bytes")), "{reason}");
    }
}

#[test]
fn s03_somebody_elses_file_is_refused() {
    let room = Room::new(35);
    let path = room.other_key_file("other.key");
    // Only root may give a file away; anybody else finds one that root owns.
    let reason = match chown(&path, Some(4242), None) {
        Ok(()) => refusal(&room, &path),
        Err(_) => refusal(&room, Path::new("/etc/passwd")),
    };
    assert!(reason.contains("owned by user"), "{reason}");
}

#[test]
fn s03_the_wrong_key_file_refuses_and_changes_nothing() {
    let room = Room::new(36);
    let other = RootHolder::KeyFile(room.other_key_file("other.key"));
    let vault = Vault::from_records(INSTALL, &room.records).unwrap();
    assert_eq!(vault.unlock(&other).unwrap_err(), VaultError::WrongRoot);
    assert!(vault.is_locked());
    vault.unlock(&room.holder()).unwrap();
    assert_eq!(vault.unlock(&other).unwrap_err(), VaultError::WrongRoot);
    assert!(!vault.is_locked(), "a wrong attempt does not lock what is open");
}

#[test]
fn founding_without_a_usable_key_file_fails() {
    let folder = tempfile::tempdir().unwrap();
    let holder = RootHolder::KeyFile(folder.path().join("root.key"));
    let error = Vault::found(INSTALL, &holder, &Seeded::new(1), NOW).unwrap_err();
    assert!(matches!(error, VaultError::KeyFile { .. }));
}
