//! The program against the scripted provider: whole processes, real sockets, official SDKs, planted secrets, kills.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says so by failing")]
#![expect(unreachable_pub, reason = "`pub` says what a module shows to the others")]

mod line;
mod scene;
mod terminal;

mod activation;
mod crash;
mod demo;
mod elsewhere;
mod junk;
mod leaks;
mod ledger;
mod money;
mod planes;
mod planted;
mod repeats;
mod sdk;
mod stolen;
