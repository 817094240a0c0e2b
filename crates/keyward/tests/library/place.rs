//! Homes for tests, and providers behind them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keyward::{Keyward, Options, ProviderId};
use keyward_domain::audit::AuditEntry;
use keyward_domain::ledger::{Entry, RequestFilter};
use keyward_domain::port::{Clock, Store};
use keyward_domain::time::Timestamp;
use keyward_store::sqlite::SqliteStore;
use keyward_testkit::ManualClock;
use keyward_testkit::provider::{ScriptedProvider, Vendor};
use tempfile::TempDir;

/// A folder for a home, removed with the test.
pub struct Place {
    folder: TempDir,
}

impl Place {
    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub async fn open(&self) -> Keyward {
        Keyward::open(Options::in_home(self.home())).await.unwrap()
    }

    /// A home whose config names the scripted provider under every vendor's name, with these keys of it.
    pub fn with_vendors(provider: &ScriptedProvider, keys: &[(Vendor, &str, &str)]) -> Self {
        let place = Self::empty();
        make_private(&place.home());
        let mut config = "workers: 1\nproviders:\n".to_owned();
        for vendor in Vendor::ALL {
            let version = if vendor == Vendor::OpenAi { "/v1" } else { "" };
            let _ = writeln!(config, "  {}:\n    base_url: {}{version}\n    keys:", vendor.name(), provider.url());
            for (_, name, secret) in keys.iter().filter(|(of, ..)| *of == vendor) {
                let file = place.folder.path().join(format!("{}-{name}", vendor.name()));
                std::fs::write(&file, secret).unwrap();
                let _ = writeln!(config, "      - {{ name: {name}, key: \"${{file:{}}}\" }}", file.display());
            }
        }
        std::fs::write(place.home().join("keyward.yaml"), config).unwrap();
        place
    }

    /// A folder whose config wants a passphrase.
    pub fn with_passphrase() -> Self {
        let place = Self::empty();
        make_private(&place.home());
        std::fs::write(place.home().join("keyward.yaml"), "workers: 1\nvault: { root: passphrase }\n").unwrap();
        place
    }

    /// What the ledger and the audit log of a closed home hold, oldest first.
    pub fn kept(&self) -> (Vec<Entry>, Vec<AuditEntry>) {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp::from_unix_millis(1_795_000_000_000)));
        let store = SqliteStore::open(&self.home().join("keyward.db"), clock.as_ref()).unwrap();
        let rows = store.requests(&RequestFilter { limit: 10_000, ..RequestFilter::default() }).unwrap();
        let mut entries: Vec<Entry> = rows.into_iter().flat_map(|row| row.attempts).collect();
        let mut audit = store.audit(None, 10_000).unwrap();
        audit.reverse();
        // The ids of two leases of one millisecond are in no order; the audit log is.
        entries.sort_by_cached_key(|entry| {
            let request = entry.subject.attempt.request.to_string();
            (audit.iter().position(|entry| entry.object == request), entry.subject.attempt)
        });
        (entries, audit)
    }
}

/// A temporary home with the sandbox and these keys of it.
pub async fn sandbox(keys: &[&str]) -> Keyward {
    let keyward = Keyward::open(Options::temporary()).await.unwrap();
    add(&keyward, keys).await;
    keyward
}

pub async fn add(keyward: &Keyward, keys: &[&str]) {
    for name in keys {
        let key = keyward.add_key(ProviderId::SANDBOX, name, format!("test-key-{name}")).await.unwrap();
        assert!(key.is_in_use(), "{key:?}");
    }
}

fn make_private(folder: &Path) {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().mode(0o700).create(folder).unwrap();
}
