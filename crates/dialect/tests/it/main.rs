//! Tests of the dialect room, through its door.
#![cfg(test)]
#![expect(clippy::too_many_lines, reason = "tables of cases")]

mod bound;
mod content;
mod draw;
mod errors;
mod extent;
mod golden;
mod lens;
mod models;
mod multipart;
mod prefix;
mod reference;
mod splice;
mod tee;
