//! The vault through its door, and its published byte layouts.

#![expect(clippy::unwrap_used, reason = "a failed step of the set-up is a failed test")]

mod binding;
mod envelope;
mod harden;
mod hint;
mod key_file;
mod lock;
mod passphrase;
mod slots;
mod support;
mod tenant;
mod token;
