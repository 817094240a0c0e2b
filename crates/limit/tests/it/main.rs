//! What the crate promises, through its public door.
