//! The control plane: everything that people and scripts may ask of an installation, as typed operations behind one
//! permission rule, and the doors to them.
//!
//! Reading order: [`error`] (how it says no), [`field`] (what inputs are made of), [`control`] (what operations work
//! on), [`operation`] (one file per operation), [`rest`] (the HTTP door, built from one table of routes), [`client`]
//! (the same door from the other side, for the command line).

pub mod error;
pub mod field;

pub mod control;

pub mod operation;

pub mod rest;

pub mod client;
