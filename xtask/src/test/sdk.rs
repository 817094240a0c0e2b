//! The official SDKs: a Python environment and a Node folder, made once and remade when their lists change.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::{command, machine, tree};

/// Where the SDK tests find their interpreters; a part is absent when the project has no scripts for it.
#[derive(Default)]
pub struct SdkEnvironment {
    /// The interpreter of the virtual environment.
    python: Option<PathBuf>,
    /// The folder with the scripts and their `node_modules`.
    node_folder: Option<PathBuf>,
}

const PYTHON_VARIABLE: &str = "KEYWARD_TEST_PYTHON";
const NODE_VARIABLE: &str = "KEYWARD_TEST_NODE_DIR";
const REQUIREMENTS: &str = "tests/sdk/python/requirements.txt";
const NODE_FOLDER: &str = "tests/sdk/node";

/// Installs programs, then packages; costs nothing when both are there.
pub fn prepare() -> anyhow::Result<SdkEnvironment> {
    let requirements = tree::root().join(REQUIREMENTS);
    let node_folder = tree::root().join(NODE_FOLDER);
    let environment = tree::target().join("test-env");
    if requirements.exists() || node_folder.exists() {
        machine::prepare(&machine::FOR_TESTS)?;
        machine::prepare_what_there_is(&machine::WELCOME_TO_TESTS);
    }
    fs::create_dir_all(&environment).context("make target/test-env")?;
    Ok(SdkEnvironment {
        python: if_there(&requirements, || python(&requirements, &environment.join("python")))?,
        node_folder: if_there(&node_folder, || node(&node_folder, &environment.join("node-lock.json")))?,
    })
}

impl SdkEnvironment {
    pub fn apply(&self, command: &mut Command) {
        for (variable, path) in [(PYTHON_VARIABLE, &self.python), (NODE_VARIABLE, &self.node_folder)] {
            if let Some(path) = path {
                command.env(variable, path);
            }
        }
    }
}

fn if_there(path: &Path, make: impl FnOnce() -> anyhow::Result<PathBuf>) -> anyhow::Result<Option<PathBuf>> {
    if path.exists() {
        return make().map(Some);
    }
    eprintln!("{} is not there: skipped", path.display());
    Ok(None)
}

fn python(requirements: &Path, environment: &Path) -> anyhow::Result<PathBuf> {
    let interpreter = environment.join("bin/python");
    let stamp = environment.join("requirements.txt");
    if !is_same(requirements, &stamp) {
        command::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(environment))?;
        command::run(
            Command::new(&interpreter)
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
                .arg(requirements),
        )?;
        fs::copy(requirements, &stamp)?;
    }
    Ok(interpreter)
}

fn node(folder: &Path, stamp: &Path) -> anyhow::Result<PathBuf> {
    let lock = folder.join("package-lock.json");
    if !is_same(&lock, stamp) || !folder.join("node_modules").exists() {
        command::run(
            Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(folder),
        )?;
        fs::copy(&lock, stamp)?;
    }
    Ok(folder.to_owned())
}

/// An environment is as good as the list it was made from.
fn is_same(list: &Path, stamp: &Path) -> bool {
    matches!((fs::read(list), fs::read(stamp)), (Ok(list), Ok(stamp)) if list == stamp)
}
