//! `docs/promises.md`, read.

use std::fs;

use anyhow::Context as _;

use crate::tree;

pub struct Promise {
    /// `M01`
    pub id: String,
    /// `No overshoot`
    pub title: String,
}

pub const PAGE: &str = "docs/promises.md";

pub fn read() -> anyhow::Result<Vec<Promise>> {
    let text = fs::read_to_string(tree::root().join(PAGE)).with_context(|| format!("read {PAGE}"))?;
    Ok(parse(&text))
}

/// Promises are list items that begin with id and title in bold: `- **M01 No overshoot.** text`.
fn parse(text: &str) -> Vec<Promise> {
    text.lines()
        .filter_map(|line| line.strip_prefix("- **")?.split_once(".**"))
        .filter_map(|(bold, _)| bold.split_once(' '))
        .map(|(id, title)| Promise { id: id.to_owned(), title: title.to_owned() })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_promise_of_the_page_is_read_once() {
        let ids: Vec<_> = super::read().unwrap().into_iter().map(|promise| promise.id).collect();
        let mut unique = ids.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(ids.len(), unique.len());
        assert_eq!(ids.iter().filter(|id| id.starts_with('M')).count(), 11);
        assert_eq!(ids.len(), 58);
    }
}
