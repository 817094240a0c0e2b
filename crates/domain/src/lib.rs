//! The vocabulary and the rules of Keyward.
//!
//! Pure: no socket, no SQL, no clock, no randomness. Everything that touches the world comes in through the
//! traits of [`port`]. Every other crate depends on this one; it depends on none of them.

pub mod alias;
pub mod ancestry;
pub mod audit;
pub mod binding;
pub mod budget;
pub mod call_name;
pub mod catalog;
pub mod cost;
pub mod credential;
pub mod denial;
pub mod dialect;
pub mod escrow;
pub mod ids;
pub mod judgement;
pub mod lease;
pub mod ledger;
pub mod limit;
pub mod money;
pub mod origin;
pub mod port;
pub mod principal;
pub mod provider;
pub mod quota;
pub mod routing;
pub mod scope;
pub mod secret;
pub mod standing;
pub mod tenancy;
pub mod time;
pub mod token;
pub mod usage;
pub mod virtual_key;
pub mod vocabulary;
pub mod window;
