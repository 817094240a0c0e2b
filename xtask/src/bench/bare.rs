//! The floor: a bare hyper proxy with the least work a gateway must do.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::http;
use super::process::{Core, Running};
use super::subject::Subject;

pub const NAME: &str = "bare";
const ADDRESS: SocketAddr = http::loopback(9200);

pub fn start(tools: &Path) -> anyhow::Result<Subject> {
    let mut bare = Command::new(tools.join("bareproxy"));
    bare.args(["--work", "gateway", "--listen", &ADDRESS.to_string(), "--upstream", &http::MOCK.to_string()]);
    let headers = vec!["Authorization: Bearer bench".to_owned()];
    Subject::new(NAME, ADDRESS, headers, Running::start(NAME, Core::Gateway, &mut bare)?)
}
