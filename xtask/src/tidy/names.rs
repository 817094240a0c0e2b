//! A module's name says what is in it.

use super::Finding;
use crate::tree::TextFile;

const JUNK_DRAWERS: [&str; 10] =
    ["util", "utils", "common", "helper", "helpers", "misc", "manager", "managers", "service", "services"];

pub fn check(file: &TextFile) -> Vec<Finding> {
    let module = file.path.rsplit('/').next().and_then(|name| name.strip_suffix(".rs"));
    let folders = file.path.split('/').rev().skip(1);
    let drawer = module.filter(|_| file.is_rust()).into_iter().chain(folders.filter(|_| file.is_rust()));
    drawer
        .filter(|name| JUNK_DRAWERS.contains(name))
        .map(|name| {
            Finding::at(
                file,
                0,
                format!("a module called `{name}`"),
                "name it after what it holds, or move its parts home",
            )
        })
        .collect()
}
