//! The money.

mod holds;
mod machine;
mod obligations;
mod rows;
mod schedules;
mod windows;
mod world;
