//! Keyward as a library: the rooms that the program is made of, for those who build on them.

pub use keyward_admin as admin;
pub use keyward_dialect as dialect;
pub use keyward_domain as domain;
pub use keyward_gateway as gateway;
pub use keyward_provider as provider;
pub use keyward_source as source;
pub use keyward_store as store;
pub use keyward_vault as vault;
