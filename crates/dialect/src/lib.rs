//! What travels on the wire: what a request asks for, what an answer says it cost, and how a refusal is spelled.
//!
//! Pure: bytes in, bytes and facts out. Nothing here builds a tree of a document, recurses, or keeps more than the
//! named limits allow, whatever the other side sends.
//!
//! - [`lens`] finds the handful of fields of a request that matter; [`splice`] changes them in place; [`multipart`] does
//!   both for form uploads.
//! - [`tee`] watches an answer go by, and [`usage`] turns what the provider reports into disjoint buckets.
//! - [`bound`] names state that only one account at the provider has, as requests and answers refer to it; [`digest`] makes
//!   the hashes.
//! - [`extent`] says whether the length of a request bounds its prompt, and what its texts come to when they are counted.
//! - [`finish`] ends a stream that had to be cut short; [`error`] spells refusals, [`models`] spells the list of models.

pub mod bound;
pub mod digest;
pub mod error;
pub mod extent;
pub mod finish;
pub mod lens;
pub mod models;
pub mod multipart;
pub mod splice;
pub mod tee;
pub mod usage;

mod json;
