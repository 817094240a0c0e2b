//! The stages of [`pipeline`](crate::pipeline), in the order in which a request meets them.

pub(crate) mod arrive;
pub(crate) mod authenticate;
pub(crate) mod read;
pub(crate) mod authorize;
pub(crate) mod show_models;
pub(crate) mod admit;
pub(crate) mod route;
pub(crate) mod attempt;
pub(crate) mod relay;
