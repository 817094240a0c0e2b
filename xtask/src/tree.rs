//! The files of the project.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Folders, by path from the root or by name anywhere, that hold nothing of ours.
const FOREIGN: [&str; 6] = ["target", ".git", "node_modules", "bench/target", "bench/results", "__pycache__"];
/// Files above this are data; no rule reads them.
const MAX_TEXT_BYTES: u64 = 4 << 20;

/// A text file; `path` is relative to the root, with slashes.
pub struct TextFile {
    pub path: String,
    pub text: String,
}

/// The root of the workspace.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Build products that outlive one command: test environments, stored results.
pub fn target() -> PathBuf {
    root().join("target")
}

/// All text files below the root, in path order.
pub fn text_files() -> anyhow::Result<Vec<TextFile>> {
    let mut files = Vec::new();
    collect(root(), &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

impl TextFile {
    pub fn is_rust(&self) -> bool {
        has_extension(&self.path, "rs")
    }

    /// Tests may be long and may say what product code may not.
    pub fn is_test(&self) -> bool {
        let in_test_folder = self.path.split('/').any(|part| matches!(part, "tests" | "benches" | "fuzz"));
        in_test_folder || self.path.ends_with("/tests.rs")
    }

    /// Lines with their numbers, from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

/// Whether `path` ends in `.extension`.
pub fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

fn collect(folder: &Path, files: &mut Vec<TextFile>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
        let entry = entry?;
        let path = entry.path();
        let relative = relative(&path);
        let name = entry.file_name().to_string_lossy().into_owned();
        if FOREIGN.contains(&relative.as_str()) || FOREIGN.contains(&name.as_str()) {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&path, files)?;
        } else if kind.is_file()
            && entry.metadata()?.len() <= MAX_TEXT_BYTES
            && let Ok(text) = fs::read_to_string(&path)
        {
            files.push(TextFile { path: relative, text });
        }
    }
    Ok(())
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().replace('\\', "/")
}
