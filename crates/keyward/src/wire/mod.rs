//! Puts the parts together: the one place that knows every room. [`Engine`] is an installation opened by this process;
//! [`serve`] runs the server on it, commands use it directly when no server runs.

mod allowances;
pub mod applied;
pub mod catalog;
mod counts;
mod engine;
mod file_allowances;
mod file_owned;
mod file_records;
mod found;
mod live;
mod planes;
mod pool_memory;
mod pools;
mod publish;
mod reconciler;
mod serve;
mod validator;

pub mod logging;

pub use engine::{Engine, Unlocking};
pub use found::{found, is_founded};
pub(crate) use serve::options as gateway_options;
pub use serve::{DRAIN, Server, recover};
