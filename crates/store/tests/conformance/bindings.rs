//! Which account holds what.

use keyward_domain::binding::Binding;
use keyward_domain::ids::CredentialId;
use keyward_domain::port::{Change, MAX_BINDINGS, Store};

use crate::support::pool::{at, binding};
use crate::support::record::{audit, credential, provider};

pub fn bindings_are_newest_first(store: &dyn Store) {
    assert_eq!(store.bindings(10).unwrap(), []);
    let (old, new, huge) = (binding(1, 2, 10), binding(2, 3, 30), binding(u128::MAX, u128::MAX, 20));
    store.put_bindings(&[old, new, huge]).unwrap();
    assert_eq!(store.bindings(10).unwrap(), [new, huge, old]);
    assert_eq!(store.bindings(2).unwrap(), [new, huge]);
    assert_eq!(store.bindings(0).unwrap(), []);
    assert_eq!(store.bindings(u32::MAX).unwrap().len(), 3);
}

pub fn of_two_bindings_the_later_one_counts(store: &dyn Store) {
    let (first, later, same_moment) = (binding(1, 2, 10), binding(1, 3, 20), binding(1, 4, 20));
    store.put_bindings(&[first]).unwrap();
    store.put_bindings(&[later, same_moment]).unwrap();
    assert_eq!(store.bindings(10).unwrap(), [later]);
    // Repeated, and in another order.
    store.put_bindings(&[later, first]).unwrap();
    store.put_bindings(&[same_moment]).unwrap();
    store.put_bindings(&[]).unwrap();
    assert_eq!(store.bindings(10).unwrap(), [later]);
    // Seen again in the same account: younger, and so kept longer.
    store.put_bindings(&[binding(1, 3, 50)]).unwrap();
    store.forget_bindings(at(50)).unwrap();
    assert_eq!(store.bindings(10).unwrap(), [binding(1, 3, 50)]);
}

pub fn old_bindings_are_forgotten(store: &dyn Store) {
    let all: Vec<Binding> = (1..=9).map(|n| binding(u128::from(n) << 64, 2, n)).collect();
    store.put_bindings(&all).unwrap();
    store.forget_bindings(at(8)).unwrap();
    assert_eq!(store.bindings(100).unwrap(), [all[8], all[7]]);
    store.forget_bindings(at(100)).unwrap();
    assert_eq!(store.bindings(100).unwrap(), []);
}

pub fn a_binding_outlives_its_key(store: &dyn Store) {
    let keys = [Change::PutProvider(provider(1, "openai")), Change::PutCredential(credential(2, 1, "primary"))];
    store.commit(&keys, &audit(1)).unwrap();
    store.put_bindings(&[binding(1, 2, 10)]).unwrap();
    store.commit(&[Change::RemoveCredential(CredentialId::from_bits(2))], &audit(2)).unwrap();
    assert_eq!(store.bindings(10).unwrap(), [binding(1, 2, 10)]);
}

pub fn bindings_have_a_limit(store: &dyn Store) {
    let limit = u64::from(MAX_BINDINGS);
    // Two of each moment, so that the limit falls between two of the same.
    let all: Vec<Binding> = (0..limit + 3).map(|n| binding(n.into(), 2, n / 2)).collect();
    store.put_bindings(&all).unwrap();
    assert_eq!(store.bindings(u32::MAX).unwrap().len(), usize::try_from(limit).unwrap());
    store.forget_bindings(at(0)).unwrap();
    let kept = store.bindings(u32::MAX).unwrap();
    assert_eq!((kept.len(), kept.last()), (usize::try_from(limit).unwrap(), all.get(3)));
}
