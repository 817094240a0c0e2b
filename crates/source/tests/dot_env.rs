//! `.env` files as people write them.

use std::fs;
use std::path::Path;

use keyward_source::{DotEnv, MAX_DOT_ENV_BYTES, SourceError};
use proptest::prelude::*;

fn read(text: &str) -> (Vec<(String, String)>, Vec<usize>) {
    let file = DotEnv::parse(Path::new(".env"), text);
    let plain = |(name, value): &(String, keyward_domain::secret::Secret)| {
        (name.clone(), String::from_utf8(value.expose().to_vec()).unwrap())
    };
    (file.variables.iter().map(plain).collect(), file.skipped)
}

fn value(line: &str) -> String {
    let (variables, skipped) = read(line);
    assert_eq!((variables.len(), skipped.len()), (1, 0), "{line}");
    variables.into_iter().next().unwrap().1
}

#[test]
fn values_with_and_without_quotes() {
    assert_eq!(value("A=plain"), "plain");
    assert_eq!(value("A = spaced \t"), "spaced");
    assert_eq!(value("A="), "");
    assert_eq!(value("A=with=equals=="), "with=equals==");
    assert_eq!(value("A='single \\n $X #no comment'"), "single \\n $X #no comment");
    assert_eq!(value("A=\"double #no comment\""), "double #no comment");
    assert_eq!(value("A=\"a\\\"b\\\\c\\n\\t\\$\\'\\q\""), "a\"b\\c\n\t$'\\q");
    assert_eq!(value("A=it's"), "it's");
    assert_eq!(value("A=${OTHER}"), "${OTHER}");
}

#[test]
fn comments() {
    assert_eq!(value("A=plain # comment"), "plain");
    assert_eq!(value("A=plain#no-comment"), "plain#no-comment");
    assert_eq!(value("A=# nothing"), "");
    assert_eq!(value("A='x' # comment"), "x");
    assert_eq!(value("A=\"x\"# comment"), "x");
    assert_eq!(read("# A=1\n   # B=2\n\n \t\n"), (vec![], vec![]));
}

#[test]
fn export_line_ends_and_the_mark_at_the_beginning() {
    assert_eq!(value("export A=1"), "1");
    assert_eq!(value("  export\tA=1"), "1");
    assert_eq!(value("\u{feff}A=1"), "1");
    let (variables, skipped) = read("A=1\r\nexport B='2'\r\nC=\"3\" # c\r\nexported=4");
    let names: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(names, [("A", "1"), ("B", "2"), ("C", "3"), ("exported", "4")]);
    assert!(skipped.is_empty());
}

#[test]
fn quoted_values_go_over_lines() {
    let (variables, skipped) = read("A='one\ntwo=2\n'\nB=\"three\nfour\"\nnonsense\nC=5");
    let values: Vec<_> = variables.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(values, ["one\ntwo=2\n", "three\nfour", "5"]);
    assert_eq!(skipped, [6]);
}

#[test]
fn what_is_no_assignment_is_skipped_and_named() {
    let (variables, skipped) = read("A=1\nnonsense\n=2\n1A=3\nA B=4\nB='open\nC=5\nD='x' y\nE=\"open\\\"\nF=6");
    let names: Vec<_> = variables.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(skipped, [2, 3, 4, 5, 6, 8, 9]);
    // The quote that B opens is closed in D's line, where something else follows; so B's line is the unclear one.
    assert_eq!(names, ["A", "C", "F"]);
}

#[test]
fn files_are_read_when_they_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".env");
    assert!(DotEnv::read(&path).unwrap().is_none());
    fs::write(&path, "A=1\n").unwrap();
    let file = DotEnv::read(&path).unwrap().unwrap();
    assert_eq!((file.path.as_path(), file.variables.len()), (path.as_path(), 1));
    assert!(!format!("{file:?}").contains("\"1\""));

    fs::write(&path, vec![b'A'; MAX_DOT_ENV_BYTES + 1]).unwrap();
    assert!(matches!(DotEnv::read(&path), Err(SourceError::File { reason, .. }) if reason.contains("1 MiB")));
    fs::write(&path, [b'A', b'=', 0xff]).unwrap();
    assert!(matches!(DotEnv::read(&path), Err(SourceError::File { reason, .. }) if reason.contains("UTF-8")));
    assert!(matches!(DotEnv::read(folder.path()), Err(SourceError::File { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_too_strange(text in "[A-C=#'\"\\\\ \\n\\r$\u{e9}]{0,80}") {
        let (variables, skipped) = read(&text);
        let lines = text.lines().count();
        prop_assert!(variables.len() + skipped.len() <= lines);
        prop_assert!(skipped.iter().all(|line| (1..=lines).contains(line)));
    }

    #[test]
    fn quoted_values_come_back(value in "[ -~\u{e9}]{0,60}") {
        let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
        let (variables, _) = read(&format!("A=\"{quoted}\"\nB=1\n"));
        prop_assert_eq!(variables, vec![("A".to_owned(), value), ("B".to_owned(), "1".to_owned())]);
    }
}
