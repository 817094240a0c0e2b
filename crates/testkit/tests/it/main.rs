//! The test parts, tested through their own doors.

#![cfg(test)]

mod canary;
mod dialects;
mod faults;
mod http;
mod keys;
mod metering;
mod sdk;
mod time;
