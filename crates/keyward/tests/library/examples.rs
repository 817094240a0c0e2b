//! Every example runs without keys and tells what it promises to.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

/// An example, next to this test. A run of the tests alone does not build it, so what is older than its sources is built
/// now.
fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let built = tests.parent().unwrap().parent().unwrap().join("examples").join(name);
    let made = |path: &Path| path.metadata().and_then(|file| file.modified()).ok();
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = newest(&package.join("src"), newest(&package.join("examples"), None));
    if made(&built) < sources {
        let arguments = ["build", "--quiet", "--package", "keyward", "--example", name];
        let status = Command::new(env!("CARGO")).args(arguments).current_dir(package).status();
        assert!(status.unwrap().success(), "the example {name} does not build");
    }
    built
}

/// When a source in this folder was written last.
fn newest(folder: &Path, mut so_far: Option<SystemTime>) -> Option<SystemTime> {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        so_far =
            if path.is_dir() { newest(&path, so_far) } else { so_far.max(path.metadata().unwrap().modified().ok()) };
    }
    so_far
}

fn run(name: &str) -> String {
    let ended = Command::new(example(name)).env_clear().output().unwrap();
    let told = String::from_utf8(ended.stdout).unwrap();
    assert!(ended.status.success(), "{told}{}", String::from_utf8_lossy(&ended.stderr));
    assert!(ended.stderr.is_empty(), "{}", String::from_utf8_lossy(&ended.stderr));
    // Written for people: no line is longer than a screen is wide, none ends in blanks, nothing is shown as Rust has it.
    for line in told.lines() {
        assert_eq!(line, line.trim_end(), "{told}");
        assert!(line.chars().count() <= 160, "{line}");
        for debug in ["Some(", "None", "Ok(", "Err(", "{ "] {
            assert!(!line.contains(debug), "{line}");
        }
    }
    told
}

/// The lines with these words at their beginning, blanks aside.
fn lines<'a>(told: &'a str, beginning: &str) -> Vec<&'a str> {
    told.lines().map(str::trim).filter(|line| line.starts_with(beginning)).collect()
}

#[test]
fn rotation() {
    let told = run("rotation");
    let turns = lines(&told, "call ");
    assert_eq!(turns.len(), 11, "{told}");
    let limited = turns[6].split_whitespace().nth(2).unwrap();
    assert!(turns[6].ends_with("rate limited"));
    assert!(turns[7..].iter().all(|turn| !turn.ends_with(limited)), "{told}");
    assert!(lines(&told, "sandbox").iter().any(|row| row.contains(limited) && row.contains("cooling")), "{told}");
}

#[test]
fn validation() {
    let told = run("validation");
    assert!(lines(&told, "a good key")[0].ends_with("valid"), "{told}");
    assert!(lines(&told, "the same key again")[0].ends_with("refused"), "{told}");
    assert_eq!(lines(&told, "This very key is already kept as `sandbox/good`").len(), 1, "{told}");
    assert_eq!(lines(&told, "This cannot be a key (malformed)").len(), 1, "{told}");
    assert!(lines(&told, "a server that is down")[0].ends_with("unreachable"), "{told}");
    assert!(lines(&told, "silent")[0].contains("no key of silent can be used"), "{told}");
}

#[test]
fn usage_tracking() {
    let told = run("usage_tracking");
    let figure = |name: &str| lines(&told, name)[0].split_whitespace().last().unwrap().to_owned();
    assert_eq!((figure("requests"), figure("errors"), figure("estimated")), ("6".into(), "2".into(), "1".into()));
    assert_eq!(figure("cost"), "$0.05154425");
}

#[test]
fn model_routing() {
    let told = run("model_routing");
    assert!(lines(&told, "sandbox-large").iter().all(|line| line.ends_with("sandbox/premium")), "{told}");
    assert!(lines(&told, "sandbox-small").iter().all(|line| line.ends_with("sandbox/everyday")), "{told}");
    assert!(lines(&told, "meta-llama/")[0].ends_with("sandbox/premium"), "{told}");
    assert!(lines(&told, "gpt-none").iter().all(|line| line.ends_with("nobody")), "{told}");
}

#[test]
fn conversation() {
    let told = run("conversation");
    assert_eq!((lines(&told, "you").len(), lines(&told, "model").len()), (3, 3), "{told}");
    let keys: std::collections::BTreeSet<_> =
        lines(&told, "(").iter().filter_map(|line| line.split_whitespace().last()).map(str::to_owned).collect();
    assert_eq!(keys.len(), 1, "a conversation stays with one key: {told}");
    assert!(lines(&told, "6 messages")[0].contains('$'), "{told}");
}

#[test]
fn several_providers() {
    let told = run("several_providers");
    assert_eq!(lines(&told, "west/sandbox-small").len(), 2, "{told}");
    assert!(lines(&told, "east/sandbox-small")[0].ends_with("east/only"), "{told}");
    let west = lines(&told, "west");
    assert!(west.iter().any(|row| row.contains("round_robin") && row.contains("1 of 2")), "{told}");
}
