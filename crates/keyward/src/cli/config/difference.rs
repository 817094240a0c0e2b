//! What differs between two config files.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cli::output::{Output, Tone, clean};

/// Groups that a running server takes over; changes of all others need a restart.
const TAKEN_OVER: [&str; 4] = ["providers", "aliases", "budgets", "limits"];

/// What stands under `limits` but is the process's own, beside the limits on scopes.
const LIMITS_OF_THE_PROCESS: [&str; 3] = ["body", "upload", "in_flight"];

/// One field that differs.
pub struct Difference {
    path: String,
    before: Option<String>,
    after: Option<String>,
}

impl Difference {
    /// Every field that differs, by path.
    pub fn between(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<Self> {
        let paths: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let differs = paths.into_iter().filter(|path| before.get(*path) != after.get(*path));
        let at = |path: &String| Self {
            path: path.clone(),
            before: before.get(path).cloned(),
            after: after.get(path).cloned(),
        };
        differs.map(at).collect()
    }

    /// Whether it takes effect with the next start only.
    pub fn needs_restart(&self) -> bool {
        let mut names = self.path.split(['.', '[']);
        let (group, field) = (names.next().unwrap_or_default(), names.next().unwrap_or_default());
        !TAKEN_OVER.contains(&group) || (group == "limits" && LIMITS_OF_THE_PROCESS.contains(&field))
    }

    /// For scripts.
    pub fn as_json(&self) -> Value {
        json!({ "field": self.path, "before": self.before, "after": self.after, "needs_restart": self.needs_restart() })
    }

    /// For people.
    pub fn print(&self, output: Output) {
        let path = clean(&self.path);
        let line = match (&self.before, &self.after) {
            (None, Some(after)) => output.paint(Tone::Good, &format!("+ {path}: {}", clean(after))),
            (Some(before), None) => output.paint(Tone::Bad, &format!("- {path}: {}", clean(before))),
            (before, after) => {
                let text = |value: &Option<String>| clean(value.as_deref().unwrap_or_default());
                output.paint(Tone::Warning, &format!("~ {path}: {} -> {}", text(before), text(after)))
            }
        };
        output.line(&if self.needs_restart() { format!("{line}  (needs a restart)") } else { line });
    }
}
