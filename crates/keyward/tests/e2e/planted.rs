//! An installation in which every secret is known to the test, and the search for them.

use std::path::Path;

use keyward_testkit::SeededEntropy;
use keyward_testkit::canary::{Canary, Scanner};
use keyward_testkit::provider::{KeyBehaviour, ScriptedProvider, Vendor};
use serde_json::json;

use crate::line::Line;
use crate::scene::{Scene, Served, files};

/// The public beginning of each vendor's keys.
const PREFIXES: [(Vendor, &str); 3] =
    [(Vendor::OpenAi, "sk-proj-"), (Vendor::Anthropic, "sk-ant-api03-"), (Vendor::Gemini, "AIza")];

/// Secrets in every slot that has one.
pub struct Planted {
    pub scene: Scene,
    pub provider: ScriptedProvider,
    pub entropy: SeededEntropy,
    /// One per vendor, called `canary`.
    pub keys: Vec<(Vendor, String)>,
    /// A key of somebody else, sent to the wrong places.
    pub stray: String,
    /// What clients talk about.
    pub prompt: String,
    /// A virtual key in use, and the token that it had before it was rotated.
    pub vkey: String,
    pub rotated: String,
    /// The admin token of the home.
    pub admin: String,
    root: Vec<u8>,
    canaries: Vec<Canary>,
}

/// Finds everything that was planted until it was made.
pub struct Search {
    scanner: Scanner,
    root: Vec<Vec<u8>>,
}

impl Planted {
    /// Plants everything that needs no server.
    pub fn in_a_home(seed: u64, variables: &[(&str, &str)]) -> Self {
        let entropy = SeededEntropy::new(seed);
        let provider = ScriptedProvider::start_blocking();
        let scene = variables.iter().fold(Scene::founded(), |scene, (name, value)| scene.set(name, value));
        let mint = |slot, prefix| Canary::mint_with_prefix(&entropy, slot, prefix).unwrap();
        let (stray, prompt) = (mint("stray key", "sk-ant-api03-"), mint("prompt", "tell nobody: "));
        let mut planted = Self {
            admin: scene.admin_token(),
            root: std::fs::read(scene.home().join("root.key")).unwrap_or_default(),
            scene,
            provider,
            keys: Vec::new(),
            stray: stray.secret(),
            prompt: prompt.secret(),
            vkey: String::new(),
            rotated: String::new(),
            canaries: vec![part_of(&stray, "sk-ant-api03-"), part_of(&prompt, "tell nobody: ")],
            entropy,
        };
        for (vendor, _) in PREFIXES {
            let key = planted.mint_key(vendor, &format!("{vendor} key"));
            planted.provider.add_key_with(vendor, "canary", &key, KeyBehaviour::Valid);
            planted.scene.add_provider(&planted.provider, vendor, vendor.name());
            planted.scene.run_with(&["key", "add", vendor.name(), "--name", "canary"], &key).succeeded();
            planted.keys.push((vendor, key));
        }
        let admin = planted.admin.clone();
        planted.plant_token("admin token", &admin);
        planted.rotated = planted.scene.vkey(&["app"]);
        let rotated = planted.scene.json(&["vkey", "rotate", "app", "--grace", "1h"]);
        rotated["token"].as_str().unwrap().clone_into(&mut planted.vkey);
        for token in [planted.rotated.clone(), planted.vkey.clone()] {
            planted.plant_token("virtual key", &token);
        }
        planted
    }

    /// A new secret in a vendor's form, searched for from now on.
    pub fn mint_key(&mut self, vendor: Vendor, slot: &str) -> String {
        let (_, prefix) = PREFIXES.into_iter().find(|(whose, _)| *whose == vendor).unwrap();
        let canary = Canary::mint_with_prefix(&self.entropy, slot, prefix).unwrap();
        let secret = canary.secret();
        self.canaries.push(part_of(&canary, prefix));
        secret
    }

    /// A token that was handed out. Its beginning names it everywhere; what follows is secret.
    pub fn plant_token(&mut self, slot: &str, token: &str) {
        let (clear, secret) = token.split_at(token.rfind('_').unwrap() + 1);
        self.canaries.push(Canary::planted(slot, clear, secret));
    }

    /// A search for everything, or for everything but what the client itself said.
    pub fn search(&self, prompt_too: bool) -> Search {
        let kept = self.canaries.iter().filter(|canary| prompt_too || canary.slot() != "prompt");
        Search { scanner: Scanner::new(kept.cloned()), root: spellings(&self.root) }
    }

    /// A call by the planted virtual key that the provider answers.
    pub fn ordinary_call(&self, server: &Served) {
        let body = json!({ "model": "gpt-4o-mini", "messages": [{ "role": "user", "content": self.prompt }] });
        let bearer = format!("Bearer {}", self.vkey);
        let answer = Line::to(server.data).post("/v1/chat/completions", &[("authorization", &bearer)], &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

impl Search {
    /// What was found, without showing it.
    pub fn hits(&self, data: &[u8]) -> Vec<String> {
        let mut hits: Vec<String> = self.scanner.scan(data).iter().map(|hit| format!("{hit:?}")).collect();
        for spelling in &self.root {
            let first = spelling[0];
            let found = |window: &[u8]| window[0] == first && window == spelling;
            hits.extend(data.windows(spelling.len()).any(found).then(|| "the root key".to_owned()));
        }
        hits
    }

    #[track_caller]
    pub fn assert_clean(&self, what: &str, data: &[u8]) {
        let hits = self.hits(data);
        assert!(hits.is_empty(), "secrets in {what}: {hits:?}");
    }

    /// Every file below a folder, but for those of these names, which are there to hold a secret.
    pub fn in_files(&self, folder: &Path, except: &[&str]) -> Vec<String> {
        let mut found = Vec::new();
        for (path, content) in files(folder) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if !except.contains(&name.as_str()) {
                let hits = self.hits(&content).into_iter().chain(self.hits(name.as_bytes()));
                found.extend(hits.map(|hit| format!("{}: {hit}", path.display())));
            }
        }
        found
    }
}

/// A canary whose public beginning is no leak.
fn part_of(canary: &Canary, prefix: &str) -> Canary {
    let secret = canary.secret();
    Canary::planted(canary.slot(), prefix, secret.strip_prefix(prefix).unwrap())
}

/// Either half of the root key, as bytes and in digits.
fn spellings(root: &[u8]) -> Vec<Vec<u8>> {
    let hex = |half: &[u8]| half.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(digit).collect::<String>();
    root.chunks(16)
        .flat_map(|half| [half.to_vec(), hex(half).into_bytes(), hex(half).to_uppercase().into_bytes()])
        .collect()
}

fn digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).unwrap()
}
