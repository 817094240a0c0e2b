//! The pages that must be there, and the promises that tests claim.

use super::Finding;
use crate::promises::{self, NamedTest};
use crate::tree::TextFile;

const PAGES: [&str; 7] =
    ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE-MIT", "LICENSE-APACHE"];

pub fn check(files: &[TextFile]) -> anyhow::Result<Vec<Finding>> {
    let missing = PAGES.iter().filter(|page| !files.iter().any(|file| file.path == **page)).map(|page| Finding {
        path: (*page).to_owned(),
        line: 0,
        what: "is missing".to_owned(),
        remedy: "write it",
    });
    Ok(missing.chain(unknown_promises()?).collect())
}

fn unknown_promises() -> anyhow::Result<Vec<Finding>> {
    let promises = promises::read_page()?;
    let known = |test: &NamedTest| promises.iter().any(|promise| promise.id == test.promise);
    let unknown = promises::named_tests()?.into_iter().filter(|test| !known(test));
    Ok(unknown
        .map(|test| Finding {
            path: test.path,
            line: test.line,
            what: format!("`{}` is named after {}, which docs/promises.md does not have", test.name, test.promise),
            remedy: "rename the test, or write the promise",
        })
        .collect())
}
