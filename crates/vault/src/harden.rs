use rustix::process::{Resource, Rlimit, setrlimit};

/// The operating system refused a protection. The process may go on, but should say so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the process could not be protected against memory dumps: {0}")]
pub struct HardenError(String);

/// Keeps the memory of this process out of core dumps and away from debuggers of the same user. Call it first thing in
/// `main`, before any secret is read. Hardening, not a guarantee: root still sees everything.
pub fn harden_process() -> Result<(), HardenError> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).map_err(|error| HardenError(error.to_string()))?;
    forbid_tracing()
}

#[cfg(target_os = "linux")]
fn forbid_tracing() -> Result<(), HardenError> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|error| HardenError(error.to_string()))
}

#[cfg(not(target_os = "linux"))]
fn forbid_tracing() -> Result<(), HardenError> {
    Ok(())
}
