//! The vault as a whole: locked or unlocked.

mod lock;
mod show;
mod unlock;

pub use lock::LockVault;
pub use show::{ShowVault, VaultView};
pub use unlock::UnlockVault;
