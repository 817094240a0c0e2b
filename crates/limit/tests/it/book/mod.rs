//! The money.

mod holds;
mod machine;
mod rows;
mod schedules;
mod windows;
mod world;
