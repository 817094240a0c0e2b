//! The figures beside nginx, and what they must be.

use std::fmt;

use serde::Serialize;

use super::Round;
use super::load::{Closed, Rate};
use super::{bare, keyward, nginx};

#[derive(Default, Serialize)]
pub struct Table {
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    work: &'static str,
    unit: &'static str,
    nginx: Option<f64>,
    bare: Option<f64>,
    keyward: Option<f64>,
    /// Median over the rounds of the figure in that round to nginx's in that round; absent for absolute rows.
    bare_ratio: Option<f64>,
    ratio: Option<f64>,
    goal: Goal,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Goal {
    /// Times nginx's figure.
    Ratio { must: f64, aim: f64 },
    /// In the row's own unit.
    Absolute { must: f64, aim: Option<f64> },
}

impl Table {
    pub fn new(rounds: &[Round], binary_mib: Option<f64>) -> Self {
        let cpu = |work, pick: fn(&Round) -> Option<&Closed>, must, aim| {
            Row::compare(work, "us CPU/request", Goal::Ratio { must, aim }, |name| {
                series(rounds, name, |round| pick(round).map(|closed| closed.cpu_us))
            })
        };
        let p99 = Goal::Absolute { must: 1000.0, aim: None };
        let mut rows = vec![
            cpu("plain", |round| round.plain.as_ref(), 2.0, 1.6),
            cpu("stream, 44 events", |round| round.stream.as_ref(), 1.3, 1.2),
            cpu("paced", |round| round.paced.as_ref(), 1.5, 1.2),
            cpu("large, 109 KB request", |round| round.large.as_ref(), 1.25, 0.9),
            Row::compare("plain, what 6 budgets and 4 limits add", "us CPU/request", COUNTING, |name| {
                if name == keyward::NAME { more(rounds, keyward::COUNTING, name) } else { Vec::new() }
            }),
            Row::compare("added latency at 2,000/s, p50", "us", Goal::Ratio { must: 1.5, aim: 1.2 }, |name| {
                added(rounds, name, |rate| rate.p50_us)
            }),
            Row::compare("added latency at 2,000/s, p99", "us", p99, |name| added(rounds, name, |rate| rate.p99_us)),
            Row::compare(
                "memory under 64 connections",
                "MiB",
                Goal::Absolute { must: 40.0, aim: Some(25.0) },
                |name| series(rounds, name, Round::rss_loaded_mib),
            ),
            Row::compare("memory idle", "MiB", Goal::Absolute { must: 30.0, aim: None }, |name| {
                series(rounds, name, |round| Some(round.rss_idle_mib))
            }),
        ];
        rows.extend(binary_mib.map(|mib| {
            Row::compare("binary", "MiB", Goal::Absolute { must: 40.0, aim: None }, |name| {
                if name == keyward::NAME { vec![mib] } else { Vec::new() }
            })
        }));
        rows.retain(|row| row.nginx.is_some() || row.keyward.is_some());
        Self { rows }
    }
}

impl Row {
    /// `figures` yields a subject's figure in each round.
    fn compare(work: &'static str, unit: &'static str, goal: Goal, figures: impl Fn(&str) -> Vec<f64>) -> Self {
        let (nginx, bare, keyward) = (figures(nginx::NAME), figures(bare::NAME), figures(keyward::NAME));
        let ratio = |subject: &[f64]| match goal {
            Goal::Ratio { .. } => {
                median(subject.iter().zip(&nginx).map(|(figure, yardstick)| figure / yardstick).collect())
            }
            Goal::Absolute { .. } => None,
        };
        Self {
            work,
            unit,
            bare_ratio: ratio(&bare),
            ratio: ratio(&keyward),
            nginx: median(nginx),
            bare: median(bare),
            keyward: median(keyward),
            goal,
        }
    }

    fn verdict(&self) -> &'static str {
        let (figure, must, aim) = match self.goal {
            Goal::Ratio { must, aim } => (self.ratio, must, Some(aim)),
            Goal::Absolute { must, aim } => (self.keyward, must, aim),
        };
        match figure {
            None => "",
            Some(figure) if figure > must => "MISSED",
            Some(figure) if aim.is_none_or(|aim| figure <= aim) => "aim",
            Some(_) => "must",
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| work | unit | nginx | bare hyper | keyward | keyward / nginx | must | aim | reached |")?;
        writeln!(f, "|---|---|---|---|---|---|---|---|---|")?;
        for row in &self.rows {
            let (must, aim) = match row.goal {
                Goal::Ratio { must, aim } => (format!("{must} x"), format!("{aim} x")),
                Goal::Absolute { must, aim } => {
                    (format!("{must} {}", row.unit), aim.map_or_else(String::new, |aim| format!("{aim} {}", row.unit)))
                }
            };
            let bare = match row.bare_ratio {
                Some(ratio) => format!("{} ({ratio:.2} x)", figure(row.bare)),
                None => figure(row.bare),
            };
            let ratio = row.ratio.map_or_else(String::new, |ratio| format!("**{ratio:.2}**"));
            let (nginx, keyward, verdict) = (figure(row.nginx), figure(row.keyward), row.verdict());
            writeln!(
                f,
                "| {} | {} | {nginx} | {bare} | {keyward} | {ratio} | {must} | {aim} | {verdict} |",
                row.work, row.unit
            )?;
        }
        Ok(())
    }
}

/// What budgets and limits may cost a call.
const COUNTING: Goal = Goal::Absolute { must: 15.0, aim: None };

/// How much more CPU a plain request takes of one subject than of another, in each round.
fn more(rounds: &[Round], subject: &str, than: &str) -> Vec<f64> {
    let plain = |name| series(rounds, name, |round| round.plain.as_ref().map(|closed| closed.cpu_us));
    plain(subject).iter().zip(&plain(than)).map(|(one, other)| one - other).collect()
}

fn series(rounds: &[Round], subject: &str, figure: impl Fn(&Round) -> Option<f64>) -> Vec<f64> {
    rounds.iter().filter(|round| round.subject == subject).filter_map(figure).collect()
}

/// What a gateway adds to the latency that the upstream has without one, round by round.
fn added(rounds: &[Round], subject: &str, percentile: impl Fn(&Rate) -> f64) -> Vec<f64> {
    let latency = |name| series(rounds, name, |round| round.rate2000.as_ref().map(&percentile));
    latency(subject).iter().zip(latency("direct")).map(|(through, direct)| through - direct).collect()
}

fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_unstable_by(f64::total_cmp);
    let upper = *figures.get(figures.len() / 2)?;
    let lower = *figures.get((figures.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

fn figure(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| format!("{value:.1}"))
}
