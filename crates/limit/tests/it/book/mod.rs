//! The money.

mod holds;
mod rows;
mod schedules;
mod world;
