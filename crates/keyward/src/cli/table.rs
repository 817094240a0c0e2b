//! Aligned columns.

use super::output::{Output, Tone, clean};

/// Cells longer than this are cut.
const MAX_CELL: usize = 80;
const GAP: &str = "  ";

/// Rows under headings.
pub struct Table {
    columns: Vec<(String, Align)>,
    rows: Vec<Vec<(String, Option<Tone>)>>,
}

/// Which side of its column a cell keeps to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

impl Table {
    /// A table with these columns and no rows.
    pub fn new(columns: impl IntoIterator<Item = (String, Align)>) -> Self {
        Self { columns: columns.into_iter().collect(), rows: Vec::new() }
    }

    /// A table of text columns.
    pub fn of(columns: &[&str]) -> Self {
        Self::new(columns.iter().map(|name| ((*name).to_owned(), Align::Left)))
    }

    /// Adds a row of plain cells.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.toned_row(cells.into_iter().map(|cell| (cell, None)));
    }

    /// Adds a row of cells with meanings.
    pub fn toned_row(&mut self, cells: impl IntoIterator<Item = (String, Option<Tone>)>) {
        let cut = |text: String| clean(&text).chars().take(MAX_CELL).collect();
        self.rows.push(cells.into_iter().map(|(text, tone)| (cut(text), tone)).collect());
    }

    /// Whether there is nothing to show.
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The lines, without a final line break.
    pub fn render(&self, output: Output) -> String {
        let widths: Vec<usize> = (0..).zip(&self.columns).map(|(index, (name, _))| self.width(index, name)).collect();
        let heading = self.columns.iter().map(|(name, _)| (name.clone(), Some(Tone::Faint))).collect::<Vec<_>>();
        let lines: Vec<String> =
            std::iter::once(&heading).chain(&self.rows).map(|row| self.line(row, &widths, output)).collect();
        lines.join("\n")
    }

    fn width(&self, index: usize, name: &str) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(index)).map(|(text, _)| text.chars().count());
        cells.chain([name.len()]).max().unwrap_or(0)
    }

    fn line(&self, row: &[(String, Option<Tone>)], widths: &[usize], output: Output) -> String {
        let mut line = String::new();
        for (index, (text, tone)) in row.iter().enumerate() {
            let width = widths.get(index).copied().unwrap_or(0);
            let padding = " ".repeat(width.saturating_sub(text.chars().count()));
            let painted = tone.map_or_else(|| text.clone(), |tone| output.paint(tone, text));
            let align = self.columns.get(index).map_or(Align::Left, |(_, align)| *align);
            line.push_str(if index > 0 { GAP } else { "" });
            match align {
                Align::Left => line.extend([painted.as_str(), padding.as_str()]),
                Align::Right => line.extend([padding.as_str(), painted.as_str()]),
            }
        }
        line.trim_end().to_owned()
    }
}
