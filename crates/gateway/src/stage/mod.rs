//! The stages of [`pipeline`](crate::pipeline), in the order in which a request meets them.

pub(crate) mod admit;
pub(crate) mod arrive;
pub(crate) mod attempt;
pub(crate) mod authenticate;
pub(crate) mod authorize;
pub(crate) mod read;
pub(crate) mod relay;
pub(crate) mod route;
pub(crate) mod show_models;
