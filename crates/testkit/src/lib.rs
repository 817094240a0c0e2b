//! Test parts for every room of the house: a clock the test moves, entropy from a seed, a scanner that finds secrets
//! where none may be, and a provider that does what the test tells it and keeps its own bill.
//!
//! Nothing here reads the wall clock, sleeps, or leaves the loopback interface. Nothing here is part of a release.

pub mod canary;
mod clock;
mod entropy;
pub mod provider;

pub use clock::ManualClock;
pub use entropy::SeededEntropy;
