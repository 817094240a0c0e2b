//! What the operating system is asked for, once, before anything else happens.

use std::panic::PanicHookInfo;

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, umask};

/// Files that the program makes are for its owner, whatever the shell says; and a panic tells where it was, never what
/// it was about, which may hold anything.
pub fn prepare() {
    umask(Mode::RWXG | Mode::RWXO);
    std::panic::set_hook(Box::new(tell_place));
}

/// Lets this process have as many connections as the system allows. Gives how many files it may have open.
pub fn raise_open_files() -> Option<u64> {
    let now = getrlimit(Resource::Nofile);
    if now.current != now.maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: now.maximum, maximum: now.maximum })
    {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
    getrlimit(Resource::Nofile).current
}

fn tell_place(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    if tracing::enabled!(tracing::Level::ERROR) {
        tracing::error!(place, "this is a bug in Keyward: please report the place");
    } else {
        eprintln!("keyward: this is a bug, please report its place: {place}");
    }
}
