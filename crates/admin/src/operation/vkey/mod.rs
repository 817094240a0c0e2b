//! Virtual keys: what applications hold. Their tokens are shown once and kept as keyed hashes only.

mod create;
mod grant;
mod list;
mod revoke;
mod rotate;
mod show;
mod update;
mod view;

pub use create::CreateVkey;
pub use list::ListVkeys;
pub use revoke::RevokeVkey;
pub use rotate::RotateVkey;
pub use show::ShowVkey;
pub use update::UpdateVkey;
pub use view::{IssuedVkey, VkeyView};
