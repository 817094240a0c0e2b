//! Teams of a tenant.

mod create;
mod delete;
mod list;
mod show;
mod update;
mod view;

pub use create::CreateTeam;
pub use delete::DeleteTeam;
pub use list::ListTeams;
pub use show::ShowTeam;
pub use update::UpdateTeam;
pub use view::TeamView;
