//! Tests that are named after a promise.

use crate::tree::{self, TextFile};

pub struct NamedTest {
    /// `M06`
    pub promise: String,
    /// `m06_cut_streams_leave_one_row`, without its modules.
    pub name: String,
    pub path: String,
    pub line: usize,
}

/// All of them below `crates/`, in path order.
pub fn find() -> anyhow::Result<Vec<NamedTest>> {
    let files = tree::text_files()?;
    let rust = files.iter().filter(|file| file.is_rust() && file.path.starts_with("crates/"));
    Ok(rust.flat_map(in_file).collect())
}

/// Those in one file.
pub fn in_file(file: &TextFile) -> Vec<NamedTest> {
    file.lines()
        .filter_map(|(line, text)| {
            let name = function_name(text)?;
            let promise = promise_of(name)?;
            Some(NamedTest { promise, name: name.to_owned(), path: file.path.clone(), line })
        })
        .collect()
}

fn function_name(line: &str) -> Option<&str> {
    let line = line.trim_start().trim_start_matches("pub ").trim_start_matches("async ");
    let rest = line.strip_prefix("fn ")?;
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    rest.get(..end)
}

/// `m06_cut_streams` belongs to `M06`.
fn promise_of(name: &str) -> Option<String> {
    let (id, _) = name.split_once('_')?;
    let (letter, number) = id.split_at_checked(1)?;
    let is_id = "mlkvsdo".contains(letter) && number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit());
    is_id.then(|| id.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::in_file;
    use crate::tree::TextFile;

    #[test]
    fn only_functions_with_a_promise_id_are_found() {
        let text = "    async fn m06_cut_streams() {\nfn v02_rotate<T>() {\nfn m6_x() {\nfn md5_sum() {\n// fn m07_no() {\nfn x01_no() {}\n";
        let found = in_file(&TextFile { path: "crates/a/tests/it.rs".into(), text: text.into() });
        let found: Vec<_> = found.iter().map(|test| (test.promise.as_str(), test.name.as_str(), test.line)).collect();
        assert_eq!(found, [("M06", "m06_cut_streams", 1), ("V02", "v02_rotate", 2)]);
    }
}
