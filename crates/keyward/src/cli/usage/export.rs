//! `keyward usage export`.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use keyward_admin::client::Ask;

use crate::cli::failure::Failure;
use crate::cli::session::Session;

/// Which rows, and where to.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// From when on: 24h, 7d, 4w, a date or a moment [default: the last 30 days].
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Up to when [default: now].
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// Where plain dates begin, such as Asia/Seoul [default: UTC].
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// How to write it.
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// A new file, for its owner alone [default: standard output].
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// How to write rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// CSV for spreadsheets.
    Csv,
    /// One JSON object per line.
    Jsonl,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let ask = Ask::get(&["usage", "export"])
        .query("since", args.since.as_deref())
        .query("until", args.until.as_deref())
        .query("zone", args.zone.as_deref())
        .query("format", Some(if args.format == Format::Csv { "csv" } else { "jsonl" }));
    match &args.output {
        None => to_stdout(ask, session),
        Some(path) => to_file(ask, path, session),
    }
}

fn to_stdout(ask: Ask, session: &Session) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let mut is_gone = false;
    let copied = session.copy(ask, &mut |piece| {
        let written = stdout.write_all(piece);
        is_gone = written.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
        written
    });
    // A reader that went away has what it wanted.
    if is_gone { Ok(()) } else { copied.and_then(|()| Ok(stdout.flush()?)) }
}

/// A file that is there is left alone, and one that could not be finished is taken away.
fn to_file(ask: Ask, path: &Path, session: &Session) -> Result<(), Failure> {
    let unusable = |error: io::Error| Failure::usage(format!("cannot make {}: {error}", path.display()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(unusable)?;
    let mut length = 0_u64;
    let copied = session.copy(ask, &mut |piece| {
        length += u64::try_from(piece.len()).unwrap_or(0);
        file.write_all(piece)
    });
    if let Err(failure) = copied.and_then(|()| Ok(file.sync_all()?)) {
        let _ = std::fs::remove_file(path);
        return Err(failure);
    }
    session.output.note(&format!("{length} bytes in {}", path.display()));
    Ok(())
}
