//! The scripts that run at the server: each decides for all its keys in one go.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use bytes::BytesMut;

use super::wire;

/// What the server is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    /// Counts a call, or says which limit refuses it.
    Take,
    /// Settles or undoes.
    Give,
    /// Keeps places of calls in flight.
    Keep,
}

/// A script with its keys and arguments.
#[derive(Debug, Clone)]
pub(super) struct Command {
    pub(super) script: Script,
    pub(super) keys: Vec<String>,
    pub(super) args: Vec<String>,
}

/// The servers' names for the scripts: the SHA-1 of each text, computed once.
static DIGESTS: LazyLock<[String; 3]> = LazyLock::new(|| {
    [Script::Take, Script::Give, Script::Keep].map(|script| {
        let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, script.text().as_bytes());
        digest.as_ref().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    })
});

impl Script {
    const fn text(self) -> &'static str {
        match self {
            Self::Take => include_str!("take.lua"),
            Self::Give => include_str!("give.lua"),
            Self::Keep => include_str!("keep.lua"),
        }
    }

    fn digest(self) -> &'static str {
        let [take, give, keep] = &*DIGESTS;
        match self {
            Self::Take => take,
            Self::Give => give,
            Self::Keep => keep,
        }
    }
}

/// Asks the server to know the scripts by their names; returns how many answers come. A server that refuses gets their
/// texts instead when they are used.
pub(super) fn write_loading(to: &mut BytesMut) -> usize {
    let scripts = [Script::Take, Script::Give, Script::Keep];
    for script in scripts {
        wire::write(to, 3, ["SCRIPT", "LOAD", script.text()].map(str::as_bytes).into_iter());
    }
    scripts.len()
}

impl Command {
    /// Writes the command; by its text when the server said that it does not know the name.
    pub(super) fn write(&self, by_text: bool, to: &mut BytesMut) {
        let (verb, script) = if by_text { ("EVAL", self.script.text()) } else { ("EVALSHA", self.script.digest()) };
        let count = self.keys.len().to_string();
        let head = [verb, script, count.as_str()];
        let rest = self.keys.iter().chain(&self.args).map(String::as_str);
        wire::write(
            to,
            head.len() + self.keys.len() + self.args.len(),
            head.into_iter().chain(rest).map(str::as_bytes),
        );
    }
}
