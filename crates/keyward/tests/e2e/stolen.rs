//! Promise S01: who steals the files of an installation without its root key has nothing that can be used.

use keyward_testkit::provider::{KeyBehaviour, Vendor};

use crate::planted::Planted;
use crate::scene::Scene;

/// The two files whose purpose is to hold a secret.
const MEANT_TO: [&str; 2] = ["root.key", "admin.token"];

#[test]
fn s01_the_files_of_a_home_hold_no_usable_secret() {
    let mut planted = Planted::in_a_home(11, &[]);
    let second = planted.mint_key(Vendor::OpenAi, "key that is removed");
    let third = planted.mint_key(Vendor::OpenAi, "key that replaces another");
    for (name, key) in [("second", &second), ("third", &third)] {
        planted.provider.add_key_with(Vendor::OpenAi, name, key, KeyBehaviour::Valid);
    }
    planted.scene.run_with(&["key", "add", "openai", "--name", "second"], &second).succeeded();
    let home = planted.scene.home();
    let search = planted.search(true);
    assert_clean(&planted, "after set-up");

    // While it runs there are a write-ahead log and a journal.
    let server = planted.scene.serve();
    (0..20).for_each(|_| planted.ordinary_call(&server));
    assert!(home.join("keyward.db-wal").exists() && home.join("journal").exists());
    assert_clean(&planted, "while it runs");
    planted.scene.run_with(&["key", "replace", "openai/canary"], &third).succeeded();
    planted.scene.run(&["key", "remove", "openai/second"]).succeeded();
    planted.scene.run(&["vkey", "revoke", "app"]).succeeded();
    assert_clean(&planted, "after replacing, removing and revoking");
    server.kill();
    assert_clean(&planted, "after a kill");
    planted.scene.run(&["status"]).succeeded();
    assert_clean(&planted, "at rest");
    // The search does find what is there.
    let found = search.in_files(&home, &[]);
    assert!(found.iter().any(|hit| hit.contains("admin.token")), "{found:?}");
    assert!(found.iter().any(|hit| hit.contains("root.key")), "{found:?}");
}

#[test]
fn s01_a_passphrase_is_written_nowhere() {
    let mut planted = Planted::in_a_home(12, &[]);
    let passphrase = planted.mint_key(Vendor::Gemini, "passphrase");
    let scene = Scene::empty();
    let file = scene.path("passphrase.txt");
    std::fs::write(&file, format!("{passphrase}\n")).unwrap();
    let file = file.display().to_string();
    let scene = scene.set("KEYWARD_VAULT_PASSPHRASE_FILE", &file).set("KEYWARD_LOG__LEVEL", "trace");
    scene.run(&["init", "--yes", "--no-discovery", "--passphrase"]).succeeded();
    let (_, key) = planted.keys[0].clone();
    scene.add_provider(&planted.provider, Vendor::OpenAi, "openai");
    scene.run_with(&["key", "add", "openai"], &key).succeeded();
    let server = scene.serve();
    scene.run(&["lock"]).succeeded();
    scene.run(&["unlock", "--passphrase-file", &file]).succeeded();
    let (ended, log) = server.stop();
    assert!(ended.success(), "{log}");
    let search = planted.search(true);
    let found = search.in_files(&scene.home(), &MEANT_TO);
    assert!(found.is_empty(), "{found:?}");
    search.assert_clean("the log", log.as_bytes());
    for (command, printed) in scene.printed() {
        search.assert_clean(&command, &printed);
    }
}

#[track_caller]
fn assert_clean(planted: &Planted, when: &str) {
    let found = planted.search(true).in_files(&planted.scene.home(), &MEANT_TO);
    assert!(found.is_empty(), "{when}: {found:?}");
}
