//! The program under test with scripted providers, and what the tests against them look at.

use std::path::PathBuf;

use keyward_testkit::provider::{ScriptedProvider, Vendor};
use serde_json::Value;

use crate::line::Line;
use crate::terminal::Terminal;

#[path = "../program/mod.rs"]
mod program;

pub use program::{Ended, Scene, Served, files};

use program::PATIENCE;

impl Scene {
    /// A founded place with one provider per vendor, all of them scripted, each with a good key called `main`.
    pub fn with_vendors(provider: &ScriptedProvider) -> Self {
        let scene = Self::founded();
        for vendor in Vendor::ALL {
            scene.add_provider(provider, vendor, vendor.name());
            scene
                .run_with(&["key", "add", vendor.name(), "--name", "main"], &provider.add_key(vendor, "main"))
                .succeeded();
        }
        scene
    }

    /// Adds the scripted provider under this name.
    pub fn add_provider(&self, provider: &ScriptedProvider, vendor: Vendor, name: &str) {
        self.run(&["provider", "add", vendor.name(), "--as", name, "--base-url", &base_url(provider, vendor)])
            .succeeded();
    }

    /// Makes a virtual key and gives its token.
    pub fn vkey(&self, arguments: &[&str]) -> String {
        let created = self.json(&[&["vkey", "create"], arguments].concat());
        created["token"].as_str().unwrap().to_owned()
    }

    pub fn admin_token(&self) -> String {
        std::fs::read_to_string(self.home().join("admin.token")).unwrap().trim().to_owned()
    }

    /// Runs a command to its end with somebody at the terminal.
    pub fn run_at(&self, arguments: &[&str], terminal: &Terminal) -> Ended {
        let child = self.begin(arguments, terminal.stdin());
        self.end(arguments, child)
    }

    /// Everything that commands printed until now, by command line.
    pub fn printed(&self) -> Vec<(String, Vec<u8>)> {
        self.printed.lock().unwrap().clone()
    }

    /// Everything that servers printed until now, by file.
    pub fn logs(&self) -> Vec<(PathBuf, Vec<u8>)> {
        files(&self.path("logs"))
    }

    /// Every call in the ledger and the request log, by way of a running server.
    pub fn calls(&self, server: &Served) -> Vec<Value> {
        let bearer = format!("Bearer {}", self.admin_token());
        let mut line = Line::to(server.admin);
        let (mut calls, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = line.get(&format!("/api/v1/requests?limit=500{cursor}"), &[("authorization", &bearer)]);
            assert_eq!(page.status, 200, "{}", page.text());
            let page = page.json();
            calls.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return calls,
            }
        }
    }
}

/// Where Keyward finds this vendor at the scripted provider.
pub fn base_url(provider: &ScriptedProvider, vendor: Vendor) -> String {
    if vendor == Vendor::OpenAi { format!("{}/v1", provider.url()) } else { provider.url() }
}

/// Waits for something that the scripted provider knows, not for ever.
pub fn wait_for(what: &str, event: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let waited = runtime.block_on(async { tokio::time::timeout(PATIENCE, event).await });
    assert!(waited.is_ok(), "waited in vain for {what}");
}
