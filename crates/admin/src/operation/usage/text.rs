//! The report as CSV, as JSON lines and as a table.

use super::view::{UsageLine, UsageReport};

const FIGURES: [&str; 11] = [
    "attempts",
    "failures",
    "prompt_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "images",
    "cost_usd",
    "unpriced",
    "estimated",
];

pub(super) fn csv(report: &UsageReport) -> String {
    let mut text = String::new();
    for row in rows(report) {
        let cells: Vec<_> = row.iter().map(|cell| quoted(cell)).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

/// One JSON object per line.
pub(super) fn json_lines(report: &UsageReport) -> String {
    let lines = report.lines.iter().filter_map(|line| serde_json::to_string(line).ok());
    lines.map(|line| line + "\n").collect()
}

pub(super) fn table(report: &UsageReport) -> String {
    let mut rows = rows(report);
    if report.lines.len() != 1 || report.overlapping {
        let mut total = cells(report, &report.total);
        if let Some(first) = total.first_mut().filter(|_| !report.group_by.is_empty()) {
            "total".clone_into(first);
        }
        rows.push(total);
    }
    let columns = report.group_by.len() + FIGURES.len();
    let widths: Vec<usize> = (0..columns)
        .map(|column| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in rows {
        let padded = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if column < report.group_by.len() { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        text.push_str(padded.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn rows(report: &UsageReport) -> Vec<Vec<String>> {
    let head = report.group_by.iter().chain(&FIGURES).map(|&word| word.to_owned()).collect();
    std::iter::once(head).chain(report.lines.iter().map(|line| cells(report, line))).collect()
}

fn cells(report: &UsageReport, line: &UsageLine) -> Vec<String> {
    let group = report.group_by.iter().map(|word| line.group.get(word).cloned().unwrap_or_default());
    let figures = [
        line.attempts,
        line.failures,
        line.prompt_tokens,
        line.cache_read_tokens,
        line.cache_write_tokens,
        line.completion_tokens,
        line.reasoning_tokens,
        line.images,
    ];
    let rest = [line.cost_usd.clone(), line.unpriced.to_string(), line.estimated.to_string()];
    group.chain(figures.map(|figure| figure.to_string())).chain(rest).collect()
}

/// Quotes a cell, and disarms one that a spreadsheet would take for a formula: model names come from clients.
pub(super) fn quoted(cell: &str) -> String {
    let armed =
        cell.starts_with(['=', '+', '@', '\t', '\r']) || (cell.starts_with('-') && cell.parse::<f64>().is_err());
    let cell = if armed { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}
