//! `docs/promises.md`, read.

use std::fs;

use anyhow::Context as _;

use crate::tree;

pub struct Promise {
    /// `M01`
    pub id: String,
    /// `No overshoot`
    pub title: String,
    /// Its tests do not yet prove all of it.
    pub in_part: bool,
}

pub const PAGE: &str = "docs/promises.md";

pub fn read() -> anyhow::Result<Vec<Promise>> {
    let text = fs::read_to_string(tree::root().join(PAGE)).with_context(|| format!("read {PAGE}"))?;
    Ok(parse(&text))
}

const IN_PART: &str = "*(in part)*";

/// Promises are list items that begin with id and title in bold: `- **M01 No overshoot.** text`. The mark for an
/// unfinished one follows the title.
fn parse(text: &str) -> Vec<Promise> {
    text.lines()
        .filter_map(|line| line.strip_prefix("- **")?.split_once(".**"))
        .filter_map(|(bold, text)| Some((bold.split_once(' ')?, text)))
        .map(|((id, title), text)| Promise {
            id: id.to_owned(),
            title: title.to_owned(),
            in_part: text.trim_start().starts_with(IN_PART),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_mark_of_an_unfinished_promise_is_read() {
        let page = "- **M01 No overshoot.** 50 requests\n- **M07 Crash.** *(in part)* 200 times\n";
        let marks: Vec<_> = super::parse(page).into_iter().map(|promise| (promise.title, promise.in_part)).collect();
        assert_eq!(marks, [("No overshoot".to_owned(), false), ("Crash".to_owned(), true)]);
    }

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
