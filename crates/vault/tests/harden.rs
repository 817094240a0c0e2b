//! Memory of the process stays out of core dumps.

use rustix::process::{Resource, getrlimit};

#[test]
fn s02_no_core_dumps() {
    keyward_vault::harden_process().unwrap();
    assert_eq!(getrlimit(Resource::Core).current, Some(0));
    assert_eq!(getrlimit(Resource::Core).maximum, Some(0));
    #[cfg(target_os = "linux")]
    assert_eq!(rustix::process::dumpable_behavior().unwrap(), rustix::process::DumpableBehavior::NotDumpable);
}
