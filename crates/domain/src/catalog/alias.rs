//! Names that stand for a model under another name.

/// Shorter names to try, the longest first: without a snapshot's date (`-2025-08-07`, `-20251001`, `@20251001`), without
/// `-latest`, without `models/` in front, and of a fine-tune (`ft:base:owner::id`) the base.
pub(super) fn shorter(name: &str) -> impl Iterator<Item = &str> {
    let plain = name.strip_prefix("models/");
    let tuned = fine_tuned(name);
    let rest = plain.or(tuned).unwrap_or(name);
    let undated = without_date(rest);
    let latest = rest.strip_suffix("-latest");
    [plain, tuned, undated, latest].into_iter().flatten().filter(|short| !short.is_empty())
}

fn fine_tuned(name: &str) -> Option<&str> {
    let owner = name.strip_prefix("ft:")?.find(':')? + "ft:".len();
    name.get(..owner)
}

fn without_date(name: &str) -> Option<&str> {
    let dashed = name.len().checked_sub("-2025-08-07".len()).and_then(|at| name.split_at_checked(at));
    let compact = name.len().checked_sub("-20250807".len()).and_then(|at| name.split_at_checked(at));
    let is_dashed = |date: &str| {
        date.bytes().enumerate().all(|(at, b)| if matches!(at, 0 | 5 | 8) { b == b'-' } else { b.is_ascii_digit() })
    };
    let is_compact = |date: &str| date.starts_with(['-', '@']) && date.bytes().skip(1).all(|b| b.is_ascii_digit());
    dashed
        .filter(|(_, date)| is_dashed(date))
        .or_else(|| compact.filter(|(_, date)| is_compact(date)))
        .map(|(short, _)| short)
}
