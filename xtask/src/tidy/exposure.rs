//! Secrets are opened in few places, and all of them are on this list.

use super::Finding;
use crate::tree::TextFile;

/// Files, or folders with a closing slash, that may open a secret, each with why.
const MAY_EXPOSE: [(&str, &str); 17] = [
    ("crates/domain/src/", "defines the secret types"),
    ("crates/vault/src/", "seals, opens and hashes them"),
    ("crates/provider/src/credential.rs", "writes the provider's key where the provider wants it"),
    ("crates/provider/src/probe/mod.rs", "the same, for the call that tests a key"),
    ("crates/gateway/src/lease/take.rs", "hands a key to a caller who may lease it"),
    ("crates/gateway/src/egress.rs", "sends that call"),
    ("crates/store/src/redis/connect.rs", "signs in at the server that counts limits"),
    ("crates/keyward/src/wire/counts.rs", "reads the URL of the server that counts limits"),
    ("crates/source/src/discover/", "tells which found keys are the same key"),
    ("crates/source/src/dot_env.rs", "reads secrets out of a file"),
    ("crates/source/src/reference.rs", "reads a secret out of a file"),
    ("crates/source/src/form.rs", "recognises a key by its form"),
    ("crates/source/src/shape.rs", "checks that bytes can be a key"),
    ("crates/admin/src/field/secret.rs", "shows a secret where an operation exists to show it"),
    ("crates/admin/src/control/secret.rs", "hashes a token that was just minted"),
    (
        "crates/keyward/src/library/secret.rs",
        "hands a key on loan to the program that asked for it, and sends our own token",
    ),
    ("crates/admin/src/client/ask.rs", "sends the admin token, and a secret that is being added"),
];

// Written in two parts so that this file does not find itself.
const CALL: &str = concat!(".expose", "(");

pub fn check(file: &TextFile) -> Vec<Finding> {
    let listed =
        MAY_EXPOSE.iter().any(|(path, _)| file.path == *path || (path.ends_with('/') && file.path.starts_with(path)));
    if !file.is_rust() || file.is_test() || listed || !file.path.starts_with("crates/") {
        return Vec::new();
    }
    file.lines()
        .filter(|(_, text)| text.contains(CALL) && !text.trim_start().starts_with("//"))
        .map(|(line, _)| {
            Finding::at(
                file,
                line,
                "a secret is opened in a file that is not listed",
                "pass the secret on unopened, or list the file with its reason in xtask/src/tidy/exposure.rs",
            )
        })
        .collect()
}
