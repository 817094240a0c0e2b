//! What a sealed record is bound to. The context is the additional data of the AEAD and, hashed, part of the key
//! derivation: a record that is read in any other place, or with another destination in its row, does not open.
//!
//! ```text
//! ctx = LP("kw-ctx-v1") LP(install_id) LP(tenant_id) LP(table) LP(record_id) LP(field)
//!       LP(u64be version) LP(u32be key_id) LP(u8 alg) LP(binding)
//! binding of a secret = SHA256( LP("kw-dest-v1") then for each allowed origin, sorted: LP(scheme) LP(host) LP(port) )
//! LP(x) = u32be(len) || x       port in decimal digits
//! ```

use aws_lc_rs::digest::{SHA256, digest};
use keyward_domain::origin::Origin;

use crate::envelope::ALGORITHM;
use crate::lp;

/// Bytes in a SHA-256 hash.
pub const HASH_LEN: usize = 32;

/// The place of one sealed record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context<'a> {
    /// The installation, in its written form.
    pub install: &'a str,
    /// The tenant, in its written form; empty for what belongs to the whole installation.
    pub tenant: &'a str,
    /// Kind of row.
    pub table: &'a str,
    /// Which row.
    pub record: &'a str,
    /// Which field of the row.
    pub field: &'a str,
    /// Which version of the record.
    pub version: u64,
    /// Which version of the sealing key.
    pub key_id: u32,
    /// For secrets the hash of the allowed destinations; for keyslots the hash of their header.
    pub binding: [u8; HASH_LEN],
}

impl Context<'_> {
    /// The bytes that are authenticated.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        lp::put(&mut out, b"kw-ctx-v1");
        for text in [self.install, self.tenant, self.table, self.record, self.field] {
            lp::put(&mut out, text.as_bytes());
        }
        lp::put(&mut out, &self.version.to_be_bytes());
        lp::put(&mut out, &self.key_id.to_be_bytes());
        lp::put(&mut out, &[ALGORITHM]);
        lp::put(&mut out, &self.binding);
        out
    }
}

/// The hash of a list of allowed destinations. Order and repetition do not matter: it is a set.
pub fn destination_hash(destinations: &[Origin]) -> [u8; HASH_LEN] {
    let mut sorted: Vec<(&str, &str, u16)> =
        destinations.iter().map(|origin| (origin.scheme.as_str(), origin.host.as_str(), origin.port)).collect();
    sorted.sort_unstable();
    sorted.dedup();
    let mut encoded = Vec::with_capacity(128);
    lp::put(&mut encoded, b"kw-dest-v1");
    for (scheme, host, port) in sorted {
        lp::put(&mut encoded, scheme.as_bytes());
        lp::put(&mut encoded, host.as_bytes());
        lp::put(&mut encoded, port.to_string().as_bytes());
    }
    sha256(&encoded)
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; HASH_LEN] {
    let mut hash = [0; HASH_LEN];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}
