//! `keyward health watch`.

use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::time::Duration;

use keyward_admin::client::Ask;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use super::summary::lines;
use crate::cli::failure::Failure;
use crate::cli::output::{Output, Tone};
use crate::cli::session::Session;

/// How often it is looked again.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Seconds between two looks.
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=25))]
    every: u8,
    /// How many looks; without end when left out.
    #[arg(long, value_name = "NUMBER")]
    times: Option<u64>,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    session.require_server("watch one that runs; see `keyward health summary`")?;
    let shows_screen = io::stdout().is_terminal() && !session.output.json;
    let keys = if shows_screen && io::stdin().is_terminal() { Some(Keys::begin(args.every)?) } else { None };
    let mut looks = 0;
    loop {
        let summary = session.call(Ask::get(&["health", "summary"]))?;
        looks += 1;
        if session.output.json {
            // One line each, for scripts that read along.
            session.output.line(&summary.to_string());
        } else if shows_screen {
            draw(&screen(session.output, &summary, args.every))?;
        } else {
            for line in lines(session.output, &summary) {
                session.output.line(&line);
            }
        }
        let is_over = args.times.is_some_and(|times| looks >= times);
        if is_over || waits_out(keys.as_ref(), session, args.every)? {
            return Ok(());
        }
    }
}

/// Lets time pass; gives whether somebody wants it to end.
fn waits_out(keys: Option<&Keys>, session: &Session, seconds: u8) -> Result<bool, Failure> {
    if let Some(keys) = keys {
        return Ok(keys.wait()?);
    }
    session.pause(Duration::from_secs(seconds.into()));
    Ok(false)
}

fn screen(output: Output, summary: &serde_json::Value, every: u8) -> Vec<String> {
    let at = summary["at"].as_str().unwrap_or_default();
    let head = format!("Keys at {at}, every {every} s; q ends.");
    std::iter::once(output.paint(Tone::Faint, &head)).chain(lines(output, summary)).collect()
}

/// Draws over what was there: no flicker, and nothing of before is left. What has no place on the screen is left out.
fn draw(lines: &[String]) -> io::Result<()> {
    const HOME: &str = "\u{1b}[H";
    const REST_OF_LINE: &str = "\u{1b}[K";
    const REST_OF_SCREEN: &str = "\u{1b}[J";
    let mut stdout = io::stdout().lock();
    let rows = tcgetwinsize(&stdout).map_or(0, |size| usize::from(size.ws_row));
    // The last row stays free: a line break there would scroll.
    let most = rows.checked_sub(1).filter(|rows| *rows > 0).unwrap_or(usize::MAX);
    let drawn: String = lines.iter().take(most).flat_map(|line| [line, REST_OF_LINE, "\n"]).collect();
    write!(stdout, "{HOME}{drawn}{REST_OF_SCREEN}")?;
    stdout.flush()
}

/// A terminal that gives each key at once and shows none, on a screen of its own; as before when this is dropped.
struct Keys {
    stdin: io::Stdin,
    before: Termios,
}

impl Keys {
    /// Waits at most this many seconds for a key.
    fn begin(seconds: u8) -> io::Result<Self> {
        let stdin = io::stdin();
        let before = tcgetattr(&stdin)?;
        let mut single = before.clone();
        // Ctrl-C comes as a key, so that the terminal is put back in order first.
        single.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        single.special_codes[SpecialCodeIndex::VMIN] = 0;
        single.special_codes[SpecialCodeIndex::VTIME] = seconds.saturating_mul(10);
        tcsetattr(&stdin, OptionalActions::Now, &single)?;
        let keys = Self { stdin, before };
        // Another screen, no cursor, and long lines end at the edge.
        write_out("\u{1b}[?1049h\u{1b}[?25l\u{1b}[?7l")?;
        Ok(keys)
    }

    /// Waits for a key, as long as was said; gives whether it is one that ends.
    fn wait(&self) -> io::Result<bool> {
        const CTRL_C: u8 = 3;
        const CTRL_D: u8 = 4;
        let mut key = [0];
        let read = self.stdin.lock().read(&mut key)?;
        Ok(read > 0 && matches!(key[0], b'q' | b'Q' | CTRL_C | CTRL_D))
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        // A terminal that went away needs no order.
        let _ = write_out("\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l");
        let _ = tcsetattr(&self.stdin, OptionalActions::Now, &self.before);
    }
}

fn write_out(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
