//! Events: what happens, told as it happens.

mod follow;

pub use follow::{ChangeView, EventView, Events, FollowEvents};
