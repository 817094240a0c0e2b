//! The program through its front door: arguments, environment, files, exit codes, output.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says so by failing")]
#![expect(unreachable_pub, reason = "`pub` says what a module shows to the others")]

mod program;

mod allowances;
mod config;
mod demo;
mod grammar;
mod init;
mod leaks;
mod leases;
mod operations;
mod pools;
mod secrets;
mod serve;
mod tenants;
