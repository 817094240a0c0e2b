//! The page that shows the table.

use std::fs;

use anyhow::{Context as _, bail};

use crate::tree;

const PAGE: &str = "docs/concepts/pools.md";
/// What is between these lines is written here.
const BEGIN: &str = "<!-- simulation -->\n";
const END: &str = "<!-- /simulation -->";

/// Puts a text in the place of the one that the page has.
pub fn write(text: &str) -> anyhow::Result<()> {
    let path = tree::root().join(PAGE);
    let page = fs::read_to_string(&path).with_context(|| format!("read {PAGE}"))?;
    fs::write(&path, with(&page, text)?).with_context(|| format!("write {PAGE}"))?;
    println!("wrote {PAGE}");
    Ok(())
}

fn with(page: &str, text: &str) -> anyhow::Result<String> {
    let parts = page.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let Some((before, after)) = parts else { bail!("{PAGE} has no place between `{}` and `{END}`", BEGIN.trim()) };
    Ok(format!("{before}{BEGIN}{text}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::with;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let page = "# A\n<!-- simulation -->\nold\n<!-- /simulation -->\nend\n";
        let new = with(page, "new\n").unwrap();
        assert_eq!(new, "# A\n<!-- simulation -->\nnew\n<!-- /simulation -->\nend\n");
        assert!(with("# A\n", "new\n").is_err());
    }
}
