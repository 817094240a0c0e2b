//! Where log lines go and how they look.

use std::io::{self, IsTerminal as _};

use tracing::Level;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{Config, LogFormat, LogLevel};

/// What all crates of this project begin with.
const OURS: &str = "keyward";
/// The least that others have to say: below it, libraries write down headers and frames, which may hold secrets.
const OTHERS: Level = Level::WARN;

/// Sends log lines to stderr: text on a terminal, JSON elsewhere, unless the config says otherwise. Only the first call
/// of a process counts.
pub fn start(config: &Config) {
    let level = match config.log.level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    };
    let terminal = io::stderr().is_terminal();
    let json = match config.log.format {
        LogFormat::Auto => !terminal,
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let wanted = Targets::new().with_default(level.min(OTHERS)).with_target(OURS, level);
    let lines = fmt::layer().with_writer(io::stderr).with_target(false);
    let lines = if json {
        lines.json().flatten_event(true).with_current_span(false).with_span_list(false).with_filter(wanted).boxed()
    } else {
        lines.with_ansi(terminal).with_filter(wanted).boxed()
    };
    // A second subscriber is refused; the first one stays, which is what is wanted.
    let _ = tracing_subscriber::registry().with(lines).try_init();
}
