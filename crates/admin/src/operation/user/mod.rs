//! Users of a tenant, in a team or not.

mod create;
mod delete;
mod list;
mod show;
mod update;
mod view;

pub use create::CreateUser;
pub use delete::DeleteUser;
pub use list::ListUsers;
pub use show::ShowUser;
pub use update::UpdateUser;
pub use view::UserView;
