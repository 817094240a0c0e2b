//! The request bodies, the same in every run.

use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::Serialize;

/// The kinds of work that are measured.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum Work {
    /// 271 bytes up, 600 down.
    Plain,
    /// 44 events, each in a packet of its own.
    Stream,
    /// The same, 5 ms between events.
    Paced,
    /// 109 KB up.
    Large,
    /// `Plain` at a constant rate, for latency.
    Rate2000,
}

pub const MODEL: &str = "gpt-4o-mini";
const SYSTEM: &str = "You are a helpful assistant. Answer briefly and to the point.";
const QUESTION: &str =
    "Explain in one or two sentences what a reverse proxy does with a request it cannot serve itself.";
/// With quotes, newlines, tabs and letters beyond ASCII, as real prompts have.
const TURN: &str =
    "He said: \"copy the bytes, do not read them.\" Then a newline\nand a tab\tand an em dash \u{2014} caf\u{e9}. ";
const TURN_REPEATS: usize = 22;
const TURN_CHARS: usize = 2000;
const LARGE_TURNS: usize = 50;

impl Work {
    pub const ALL: [Self; 5] = [Self::Plain, Self::Stream, Self::Paced, Self::Large, Self::Rate2000];

    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Stream => "stream",
            Self::Paced => "paced",
            Self::Large => "large",
            Self::Rate2000 => "rate2000",
        }
    }
}

/// Writes `plain.json`, `stream.json`, `paced.json` and `large.json` and returns their folder.
pub fn write(scratch: &Path) -> anyhow::Result<PathBuf> {
    let folder = scratch.join("bodies");
    fs::create_dir_all(&folder)?;
    for work in [Work::Plain, Work::Stream, Work::Paced, Work::Large] {
        fs::write(path(&folder, work), serde_json::to_vec(&body(work))?)?;
    }
    Ok(folder)
}

/// The file that holds the body of `work`.
pub fn path(folder: &Path, work: Work) -> PathBuf {
    let name = if work == Work::Rate2000 { Work::Plain.name() } else { work.name() };
    folder.join(name).with_extension("json")
}

/// Fields in the order in which the figures of earlier runs were made; it matters to gateways that stop reading early.
#[derive(Serialize)]
struct Body {
    model: &'static str,
    messages: Vec<Message>,
    temperature: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
}

#[derive(Serialize)]
struct Message {
    role: &'static str,
    content: String,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

fn body(work: Work) -> Body {
    let streams = matches!(work, Work::Stream | Work::Paced);
    Body {
        model: MODEL,
        messages: messages(work),
        temperature: 0.7,
        stream: streams.then_some(true),
        stream_options: streams.then_some(StreamOptions { include_usage: true }),
    }
}

fn messages(work: Work) -> Vec<Message> {
    let turn: String = TURN.repeat(TURN_REPEATS).chars().take(TURN_CHARS).collect();
    let turns = if work == Work::Large { LARGE_TURNS } else { 0 };
    // The mock reads its pace from the text of a message.
    let pace = if work == Work::Paced { "[[delay_us=5000]] " } else { "" };
    let mut messages = vec![Message { role: "system", content: SYSTEM.to_owned() }];
    messages
        .extend(["user", "assistant"].iter().cycle().take(turns).map(|role| Message { role, content: turn.clone() }));
    messages.push(Message { role: "user", content: format!("{pace}{QUESTION}") });
    messages
}

#[cfg(test)]
mod tests {
    use super::{Work, body};

    #[test]
    fn bodies_have_the_sizes_that_the_figures_are_quoted_for() {
        let size = |work| serde_json::to_vec(&body(work)).unwrap().len();
        assert_eq!(size(Work::Plain), 271);
        assert!((100_000..120_000).contains(&size(Work::Large)), "{}", size(Work::Large));
    }
}
