//! The library as an application uses it: through what the crate shows.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by failing")]
#![expect(unreachable_pub, reason = "`pub` says what a module shows to the others")]

mod calls;
mod examples;
mod home;
mod leases;
mod place;
