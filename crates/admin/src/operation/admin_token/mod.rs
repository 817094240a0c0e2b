//! Admin tokens: how people and scripts use the control plane from elsewhere.

mod create;
mod list;
mod revoke;
mod view;

pub use create::CreateAdminToken;
pub use list::ListAdminTokens;
pub use revoke::RevokeAdminToken;
pub use view::{AdminTokenView, IssuedAdminToken};
