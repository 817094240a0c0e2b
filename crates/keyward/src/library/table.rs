//! Columns for people: aligned, two spaces apart.

use std::fmt;

/// On which side of its column a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// Writes a heading and rows below each other, each column as wide as its longest text.
pub(super) fn write(f: &mut fmt::Formatter<'_>, columns: &[(&str, Side)], rows: &[Vec<String>]) -> fmt::Result {
    let heading: Vec<String> = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
    let all: Vec<&Vec<String>> = std::iter::once(&heading).chain(rows).collect();
    let width =
        |at: usize| all.iter().filter_map(|row| row.get(at)).map(|text| text.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    for (number, row) in all.iter().enumerate() {
        let mut line = String::new();
        for ((text, (_, side)), width) in row.iter().zip(columns).zip(&widths) {
            let gap = if line.is_empty() { "" } else { "  " };
            line = match side {
                Side::Left => format!("{line}{gap}{text:<width$}"),
                Side::Right => format!("{line}{gap}{text:>width$}"),
            };
        }
        let end = if number == 0 { "" } else { "\n" };
        write!(f, "{end}{}", line.trim_end())?;
    }
    Ok(())
}

/// A length as people say it.
pub(super) fn length(length: std::time::Duration) -> String {
    let seconds = super::error::whole_seconds(length);
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds.div_ceil(60)),
        7_200..=172_799 => format!("{} h", seconds.div_ceil(3_600)),
        _ => format!("{} d", seconds.div_ceil(86_400)),
    }
}
