//! Limits that several nodes share, at a real server of each test's own.

mod access;
mod cluster;
mod conformance;
mod faults;
mod fleet;
mod node;
mod proxy;
mod real_cluster;
mod scripted;
mod server;
