//! Tests of the dialect room, through its door.

mod draw;
mod errors;
mod golden;
mod lens;
mod reference;
mod splice;
mod tee;
