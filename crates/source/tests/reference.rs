//! References: what they may say, and what is fetched for them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use keyward_source::{MAX_SECRET_BYTES, Reference, SourceError};
use tempfile::TempDir;

fn parse(text: &str) -> Result<Reference, SourceError> {
    text.parse()
}

fn environment(value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("THE_KEY".to_owned(), value.to_owned())])
}

fn fetched(reference: &str, value: &str) -> Result<Vec<u8>, SourceError> {
    parse(reference).unwrap().fetch(&environment(value)).map(|secret| secret.expose().to_vec())
}

/// A file with this in it, and the reference to it.
fn file(bytes: &[u8]) -> (TempDir, Reference) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    fs::write(&path, bytes).unwrap();
    (folder, Reference::File(path))
}

fn from_file(bytes: &[u8]) -> Result<Vec<u8>, SourceError> {
    let (_folder, reference) = file(bytes);
    reference.fetch(&BTreeMap::new()).map(|secret| secret.expose().to_vec())
}

#[test]
fn references_are_read_and_written_alike() {
    for text in ["${env:OPENAI_API_KEY}", "${env:_x9}", "${file:/run/secrets/hook}", "${file:/a b/c:d}"] {
        assert_eq!(parse(text).unwrap().to_string(), text);
    }
    assert_eq!(parse("${file:/run/key}").unwrap(), Reference::File(PathBuf::from("/run/key")));
}

#[test]
fn other_secret_stores_are_recognised_and_refused() {
    let stores = [
        ("vault:secret/llm/openai#api_key", "vault"),
        ("vault://secret/llm#api_key", "vault"),
        ("${vault:secret/llm/openai#api_key}", "vault"),
        ("aws-sm:prod/openai#key", "aws-sm"),
        ("azure-kv:team/openai", "azure-kv"),
        ("azkv://team/openai", "azure-kv"),
        ("gcp-sm:project/openai", "gcp-sm"),
        ("gsm://project/openai", "gcp-sm"),
    ];
    for (text, store) in stores {
        let error = parse(text).unwrap_err();
        assert_eq!(error, SourceError::Unsupported(store), "{text}");
        assert!(error.to_string().contains("put the key in a file or the environment"));
    }
}

#[test]
fn s02_what_is_no_reference_is_refused_without_being_repeated() {
    let key = format!("sk-{}-{}", "proj", "Zq".repeat(30));
    for text in
        [key.as_str(), "", "$OPENAI_API_KEY", "${OPENAI_API_KEY}", "${env:A", "env:A", "${http:Zq}", "${}", "${:}"]
    {
        let error = parse(text).unwrap_err();
        assert_eq!(error, SourceError::NotAReference, "{text}");
        assert!(!error.to_string().contains("Zq"));
    }
    for text in ["${env:}", "${env:A-B}", "${env:1A}", "${env:A B}", "${env:\u{c4}}"] {
        assert_eq!(parse(text).unwrap_err(), SourceError::BadName, "{text}");
    }
    for text in ["${file:}", "${file:key}", "${file:./key}", "${file:~/key}"] {
        assert_eq!(parse(text).unwrap_err(), SourceError::RelativePath, "{text}");
    }
}

#[test]
fn variables_are_fetched_from_the_environment_that_is_given() {
    assert_eq!(fetched("${env:THE_KEY}", "a key").unwrap(), b"a key");
    assert_eq!(fetched("${env:THE_KEY}", "a key\n").unwrap(), b"a key");
    assert_eq!(fetched("${env:OTHER}", "a key").unwrap_err(), SourceError::NotSet("OTHER".to_owned()));
    assert_eq!(fetched("${env:THE_KEY}", "").unwrap_err(), SourceError::NotSet("THE_KEY".to_owned()));
    assert_eq!(fetched("${env:THE_KEY}", "\n").unwrap_err(), SourceError::NotSet("THE_KEY".to_owned()));
    assert!(parse("${env:PATH}").unwrap().fetch(&BTreeMap::new()).is_err(), "nothing ambient");
}

#[test]
fn one_closing_line_break_is_taken_away() {
    assert_eq!(from_file(b"a key").unwrap(), b"a key");
    assert_eq!(from_file(b"a key\n").unwrap(), b"a key");
    assert_eq!(from_file(b"a key\r\n").unwrap(), b"a key");
    assert_eq!(from_file(&[&vec![b'k'; MAX_SECRET_BYTES][..], b"\r\n"].concat()).unwrap().len(), MAX_SECRET_BYTES);
}

#[test]
fn s02_what_cannot_be_a_key_is_refused_without_being_repeated() {
    let long = vec![b'Z'; MAX_SECRET_BYTES + 1];
    let huge = vec![b'Z'; 4 << 20];
    let bad: [(&[u8], &str); 8] = [
        (b"", "empty"),
        (b"\n", "empty"),
        (b"ZZZZkey\n\n", "line break"),
        (b"ZZZZkey\nother", "line break"),
        (b"ZZZZkey\rother", "line break"),
        (b"ZZZZkey\0other", "zero byte"),
        (&long, "8 KiB"),
        (&huge, "8 KiB"),
    ];
    for (bytes, reason) in bad {
        let error = from_file(bytes).unwrap_err();
        assert!(matches!(error, SourceError::Shape { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(reason) && !text.contains("ZZZZ"), "{text}");
    }
    assert!(matches!(fetched("${env:THE_KEY}", "Zkey\r\nX-Injected: 1"), Err(SourceError::Shape { .. })));
}

#[test]
fn files_that_are_none_are_refused_at_once() {
    let refusal = |path: &Path| match Reference::File(path.to_owned()).fetch(&BTreeMap::new()) {
        Err(SourceError::File { path: named, reason }) if named == path => reason,
        other => unreachable!("{other:?}"),
    };
    let folder = tempfile::tempdir().unwrap();
    assert!(refusal(&folder.path().join("nowhere")).contains("could not be read"));
    assert!(refusal(folder.path()).contains("not a regular file"));
    assert!(refusal(Path::new("/dev/zero")).contains("not a regular file"));
    let pipe = folder.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
    let before = Instant::now();
    assert!(refusal(&pipe).contains("not a regular file"));
    assert!(before.elapsed() < Duration::from_secs(1));
}

#[test]
fn links_are_followed_because_orchestrators_mount_them() {
    let (folder, Reference::File(path)) = file(b"a key\n") else { unreachable!() };
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(path, &link).unwrap();
    assert_eq!(Reference::File(link).fetch(&BTreeMap::new()).unwrap().expose(), b"a key");
}
