//! The pages that must be there, and the promises that tests claim.

use super::Finding;
use crate::promises::{self, NamedTest};
use crate::tree::{self, TextFile};

const PAGES: [&str; 7] =
    ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// Pages in here come and go.
const WRITTEN_BY_RUNS: &str = "bench/results/";
/// Pages of others that comments may name: OTLP's.
const FOREIGN_PAGES: [&str; 1] = ["docs/specification.md"];

pub fn check(files: &[TextFile]) -> anyhow::Result<Vec<Finding>> {
    let missing = PAGES.iter().filter(|page| !files.iter().any(|file| file.path == **page)).map(|page| Finding {
        path: (*page).to_owned(),
        line: 0,
        what: "is missing".to_owned(),
        remedy: "write it",
    });
    Ok(missing.chain(files.iter().flat_map(|file| dead_references(file, files))).chain(unknown_promises()?).collect())
}

/// Pages that a comment or another page names, and that are not there.
fn dead_references(file: &TextFile, files: &[TextFile]) -> Vec<Finding> {
    if !["rs", "md", "toml", "yaml"].iter().any(|extension| tree::has_extension(&file.path, extension)) {
        return Vec::new();
    }
    let is_prose = |text: &str| !file.is_rust() || text.trim_start().starts_with("//");
    let exists = |page: &str| files.iter().any(|other| other.path.rsplit('/').next() == page.rsplit('/').next());
    file.lines()
        .filter(|(_, text)| is_prose(text))
        .flat_map(|(line, text)| named_pages(text).map(move |page| (line, page)))
        .filter(|(_, page)| !exists(page) && !page.starts_with(WRITTEN_BY_RUNS) && !FOREIGN_PAGES.contains(page))
        .map(|(line, page)| {
            Finding::at(file, line, format!("names `{page}`, which is not there"), "say it here, or write that page")
        })
        .collect()
}

/// Words that end in `.md`, without the punctuation around them.
fn named_pages(text: &str) -> impl Iterator<Item = &str> {
    let is_path = |c: char| c.is_alphanumeric() || matches!(c, '.' | '/' | '-' | '_');
    text.split(move |c| !is_path(c))
        .map(|word| word.trim_end_matches('.'))
        .filter(|word| word.len() > ".md".len() && tree::has_extension(word, "md"))
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

#[cfg(test)]
mod tests {
    use super::dead_references;
    use crate::tree::TextFile;

    #[test]
    fn named_pages_must_exist() {
        let file = |path: &str, text: &str| TextFile { path: path.into(), text: text.into() };
        let pages = [file("docs/promises.md", "")];
        let source = file(
            "crates/a/src/lib.rs",
            concat!("//! See docs/promises.md.\n//! And `lost", ".md` 2.1, Some.mdx, x.md5.\n"),
        );
        let found = dead_references(&source, &pages);
        assert_eq!(found.len(), 1);
        assert!(found[0].to_string().starts_with("crates/a/src/lib.rs:2: names `lost"));
    }
}
