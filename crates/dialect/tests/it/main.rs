//! Tests of the dialect room, through its door.
