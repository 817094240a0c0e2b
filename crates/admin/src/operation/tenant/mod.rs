//! Tenants: who an installation is divided among, each for itself.

mod create;
mod delete;
mod list;
mod show;
mod update;
mod view;

pub use create::CreateTenant;
pub use delete::DeleteTenant;
pub use list::ListTenants;
pub use show::ShowTenant;
pub use update::UpdateTenant;
pub use view::TenantView;
