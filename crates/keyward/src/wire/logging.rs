//! Where log lines go and how they look.

use std::io::{self, IsTerminal as _};

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{Config, LogFormat, LogLevel};

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
    let lines = fmt().with_writer(io::stderr).with_max_level(LevelFilter::from_level(level)).with_target(false);
    // A second subscriber is refused; the first one stays, which is what is wanted.
    let _ = if json {
        lines.json().flatten_event(true).with_current_span(false).with_span_list(false).finish().try_init()
    } else {
        lines.with_ansi(terminal).finish().try_init()
    };
}
