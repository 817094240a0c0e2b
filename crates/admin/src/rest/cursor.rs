//! Cursors as they travel: where the next page begins, with a check over it, over the list that it belongs to and over the
//! realm of who was given it. Whoever changes a cursor, or brings one that somebody else or another list was given, is told
//! so instead of being shown a page from somewhere.
//!
//! The check is no secret and need not be one: what a page shows is filtered by the realm, wherever it begins.

use keyward_domain::principal::Realm;
use serde_json::Value;

use crate::error::AdminError;

/// The field of a page that has a cursor, and the field of a question that takes it.
const NEXT: &str = "next_cursor";
pub(super) const FIELD: &str = "cursor";

/// What a cursor is bound to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Binding {
    /// The operation that lists.
    pub(super) list: &'static str,
    /// The realm of the principal.
    pub(super) realm: Realm,
}

impl Binding {
    /// Seals the cursor of a page.
    pub(super) fn seal(self, page: &mut Value) {
        if let Some(Value::String(cursor)) = page.get_mut(NEXT) {
            *cursor = format!("{cursor}.{:016x}", self.check(cursor));
        }
    }

    /// The cursor without its check.
    pub(super) fn open(self, sealed: &str) -> Result<String, AdminError> {
        let (cursor, check) = sealed.rsplit_once('.').ok_or(AdminError::BadCursor)?;
        let is_ours = check == format!("{:016x}", self.check(cursor));
        if is_ours { Ok(cursor.to_owned()) } else { Err(AdminError::BadCursor) }
    }

    /// FNV-1a over list, realm and cursor: no single bit changes without changing it.
    fn check(self, cursor: &str) -> u64 {
        const BASIS: u64 = 0xCBF2_9CE4_8422_2325;
        const PRIME: u64 = 0x0000_0100_0000_01B3;
        let realm = match self.realm {
            Realm::Installation => String::new(),
            Realm::Tenant(tenant) => tenant.to_string(),
            Realm::Team(tenant, team) => format!("{tenant}/{team}"),
        };
        let parts = [self.list, &realm, cursor];
        let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
        bytes.fold(BASIS, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(PRIME))
    }
}

#[cfg(test)]
mod tests {
    use keyward_domain::ids::{TeamId, TenantId};
    use serde_json::json;

    use super::*;

    #[test]
    fn a24_a_cursor_opens_for_whom_it_was_given_and_as_it_was_given() {
        let (acme, beta) = (TenantId::from_bits(1), TenantId::from_bits(2));
        let own = Binding { list: "vkey.list", realm: Realm::Tenant(acme) };
        let mut page = json!({ "items": [], "next_cursor": "a.b" });
        own.seal(&mut page);
        let sealed = page["next_cursor"].as_str().unwrap().to_owned();
        assert_eq!(own.open(&sealed), Ok("a.b".to_owned()));
        for other in [
            Binding { list: "user.list", ..own },
            Binding { realm: Realm::Tenant(beta), ..own },
            Binding { realm: Realm::Team(acme, TeamId::from_bits(3)), ..own },
            Binding { realm: Realm::Installation, ..own },
        ] {
            assert_eq!(other.open(&sealed), Err(AdminError::BadCursor), "{other:?}");
        }
        for (at, bit) in (0..sealed.len()).flat_map(|at| (0..7).map(move |bit| (at, bit))) {
            let mut bytes = sealed.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let flipped = String::from_utf8(bytes).unwrap();
            assert_eq!(own.open(&flipped), Err(AdminError::BadCursor), "{flipped}");
        }
        let mut last = json!({ "items": [], "next_cursor": null });
        own.seal(&mut last);
        assert_eq!(last["next_cursor"], Value::Null);
    }
}
