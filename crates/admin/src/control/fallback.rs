use keyward_domain::routing::FallbackClass;

/// How many targets one alias has at most, and how many fallbacks of one class.
pub const MAX_TARGETS: usize = 16;

/// Why a fallback of an alias leads nowhere new; `None` when it does. What the alias stands for anyway was tried by the
/// time anything is fallen back to. For one kind of trouble a target that others stand beside may be named: it may be
/// the one that takes long prompts.
pub fn leads_back(class: FallbackClass, fallback: &str, targets: &[String]) -> Option<&'static str> {
    let is_target = targets.iter().any(|target| target == fallback);
    let is_only = targets.iter().all(|target| target == fallback);
    match class {
        FallbackClass::Any if is_target => Some(
            "this is what the alias stands for already, so falling back to it leads in a circle: name another deployment",
        ),
        _ if is_target && is_only => Some(
            "this is all that the alias stands for, so falling back to it leads in a circle: name another deployment",
        ),
        _ => None,
    }
}
