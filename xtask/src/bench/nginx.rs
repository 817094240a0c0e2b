//! The yardstick.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use super::http;
use super::process::{Core, Running};
use super::subject::Subject;
use crate::{command, tree};

pub const NAME: &str = "nginx";
/// As in `nginx.conf.in`.
const ADDRESS: SocketAddr = http::loopback(9201);

pub fn start(scratch: &Path) -> anyhow::Result<Subject> {
    let folder = scratch.join("nginx");
    fs::create_dir_all(&folder)?;
    let template = tree::root().join("bench/nginx.conf.in");
    let template = fs::read_to_string(&template).with_context(|| format!("read {}", template.display()))?;
    // A worker of root's nginx becomes another user, who may not see this folder.
    let is_root = command::output(Command::new("id").arg("-u"))?.trim() == "0";
    let config =
        template.replace("@DIR@", &folder.to_string_lossy()).replace("@USER@", if is_root { "user root;" } else { "" });
    let path = folder.join("nginx.conf");
    fs::write(&path, config)?;
    let mut nginx = Command::new("nginx");
    nginx.env("PATH", search_path()).arg("-e").arg(folder.join("nginx.err")).arg("-c").arg(&path);
    Subject::new(NAME, ADDRESS, Vec::new(), Running::start(NAME, Core::Gateway, &mut nginx)?)
}

/// Debian puts nginx where only root's shell looks.
fn search_path() -> String {
    let path = std::env::var_os("PATH").unwrap_or_default();
    format!("{}:/usr/sbin", path.to_string_lossy())
}
