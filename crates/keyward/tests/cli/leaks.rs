//! Secrets are planted wherever one can be, everything is made to fail in every way that can be thought of, and then
//! everything that the program wrote is searched for them, in every spelling.

use std::net::SocketAddr;

use keyward_testkit::SeededEntropy;
use keyward_testkit::canary::{Canary, Scanner};
use serde_json::{Value, json};

use crate::program::{Scene, http};

const DATA_PATHS: [&str; 12] = [
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/v1/embeddings",
    "/v1/images/generations",
    "/v1/audio/speech",
    "/v1/moderations",
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/v1beta/models/sandbox-small:generateContent",
    "/v1beta/models/sandbox-small:streamGenerateContent?alt=sse",
    "/nowhere",
];

/// The public beginnings of provider key, stray key and prompt.
const PREFIXES: [&str; 3] = ["sk-proj-", "sk-ant-api03-", "tell nobody: "];

/// What was planted.
struct Planted {
    /// A provider's key, sealed in the vault.
    provider_key: Canary,
    /// Somebody's key, sent to the wrong place.
    stray: Canary,
    /// What a client talks about.
    prompt: Canary,
    vkey: String,
    admin: String,
}

impl Planted {
    /// Finds all of it. A client may hear its own prompt again, so answers are searched without that.
    fn scanner(&self, prompt_too: bool) -> Scanner {
        // The clear part of a token names a key everywhere; what follows it is secret.
        let token = |slot, text: &str| {
            let (clear, secret) = text.split_at(text.rfind('_').unwrap() + 1);
            Canary::planted(slot, clear, secret)
        };
        let same = |canary: &Canary, prefix| {
            let secret = canary.secret();
            Canary::planted(canary.slot(), prefix, secret.strip_prefix(prefix).unwrap())
        };
        let prompt = prompt_too.then(|| same(&self.prompt, PREFIXES[2]));
        let kept = [same(&self.provider_key, PREFIXES[0]), same(&self.stray, PREFIXES[1])].into_iter().chain(prompt);
        Scanner::new(kept.chain([token("virtual key", &self.vkey), token("admin token", &self.admin)]))
    }
}

/// Sends calls, keeps count, and looks at every answer.
struct Prober<'a> {
    scanner: &'a Scanner,
    calls: usize,
}

impl Prober<'_> {
    fn send(&mut self, address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) {
        let (status, answer) = http(address, method, path, headers, body);
        assert_ne!(status, 0, "{method} {path} has an answer");
        self.scanner.assert_clean(&format!("the answer {status} to {method} {path}"), answer.as_bytes());
        self.calls += 1;
    }
}

#[test]
fn s02_no_secret_leaves_the_program() {
    let scene = Scene::founded().set("KEYWARD_LOG__LEVEL", "trace");
    let entropy = SeededEntropy::new(2);
    let mint = |slot, prefix| Canary::mint_with_prefix(&entropy, slot, prefix).unwrap();
    let server = scene.serve();
    let planted = Planted {
        provider_key: mint("provider key", PREFIXES[0]),
        stray: mint("stray key", PREFIXES[1]),
        prompt: mint("prompt", PREFIXES[2]),
        vkey: scene.json(&["vkey", "create", "app"])["token"].as_str().unwrap().to_owned(),
        admin: std::fs::read_to_string(scene.home().join("admin.token")).unwrap().trim().to_owned(),
    };
    let (scanner, in_answers) = (planted.scanner(true), planted.scanner(false));
    let added = scene.run_with(&["key", "add", "sandbox", "--name", "canary"], &planted.provider_key.secret());
    scanner.assert_clean("key add", added.succeeded().all().as_bytes());

    let mut prober = Prober { scanner: &in_answers, calls: 0 };
    on_the_data_plane(&mut prober, server.data, &planted);
    on_the_control_plane(&mut prober, &scene, server.admin, &planted);
    prober.send(server.admin, "GET", "/metrics", &[], "");
    assert!(prober.calls > 200, "{} calls", prober.calls);
    for arguments in [
        &["status"][..],
        &["key", "list"][..],
        &["key", "test", "--all"][..],
        &["vkey", "list"][..],
        &["provider", "list"][..],
        &["model", "list"][..],
        &["requests", "list", "--limit", "500"][..],
        &["audit", "list", "--limit", "500"][..],
        &["usage", "--group-by", "model,credential,virtual_key"][..],
    ] {
        for json in [&[][..], &["--json"][..]] {
            let arguments = [arguments, json].concat();
            scanner.assert_clean(&format!("{arguments:?}"), scene.run(&arguments).succeeded().all().as_bytes());
        }
    }

    let (ended, log) = server.stop();
    assert_eq!(ended.code(), Some(0));
    assert!(log.contains("\"level\":\"INFO\"") && log.contains("serving"), "the log was written");
    scanner.assert_clean("the log", log.as_bytes());
    let found = scanner.scan_directory(&scene.home()).unwrap();
    let elsewhere: Vec<_> = found.iter().filter(|found| !found.path.ends_with("admin.token")).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
    assert!(!found.is_empty(), "the scanner finds what is there: the admin token in its own file");
}

fn on_the_data_plane(prober: &mut Prober<'_>, data: SocketAddr, planted: &Planted) {
    let (vkey, stray, prompt) = (&planted.vkey, &planted.stray.secret(), &planted.prompt.secret());
    let bearer = |token: &str| format!("Bearer {token}");
    let (good, wrong, admin) = (bearer(vkey), bearer(stray), bearer(&planted.admin));
    let cut = &vkey[..vkey.len() - 1];
    let good_body = json!({
        "model": "sandbox-small", "input": prompt, "prompt": prompt, "max_tokens": 9,
        "messages": [{ "role": "user", "content": prompt }],
        "contents": [{ "parts": [{ "text": prompt }] }],
    });
    let good_body = good_body.to_string();
    let broken = format!("{{\"model\": \"sandbox-small\", \"messages\": [\"{prompt}");
    let unknown = good_body.replace("sandbox-small", "no-such-model");
    for path in DATA_PATHS {
        for headers in [
            &[("authorization", good.as_str())][..],
            &[("authorization", wrong.as_str())][..],
            &[("authorization", admin.as_str())][..],
            &[("x-api-key", cut)][..],
            &[("x-goog-api-key", stray.as_str())][..],
            &[("api-key", vkey.as_str()), ("x-api-key", stray.as_str())][..],
            &[("authorization", good.as_str()), ("cookie", stray.as_str()), ("x-keyward-tags", stray.as_str())][..],
        ] {
            prober.send(data, "POST", path, headers, "");
        }
        for body in [&broken, &unknown] {
            prober.send(data, "POST", path, &[("authorization", &good)], body);
        }
        prober.send(data, "DELETE", path, &[("authorization", &good)], "");
        let joint = if path.contains('?') { '&' } else { '?' };
        prober.send(data, "POST", &format!("{path}{joint}key={stray}"), &[], &broken);
    }
    for path in DATA_PATHS {
        prober.send(data, "POST", path, &[("authorization", &good)], &good_body);
    }
}

fn on_the_control_plane(prober: &mut Prober<'_>, scene: &Scene, admin: SocketAddr, planted: &Planted) {
    let stray = &planted.stray.secret();
    let bearer = |token: &str| format!("Bearer {token}");
    let (owner, wrong, vkey) = (bearer(&planted.admin), bearer(stray), bearer(&planted.vkey));
    let description: Value = serde_json::from_str(&scene.run(&["openapi"]).succeeded().stdout).unwrap();
    for (path, methods) in description["paths"].as_object().unwrap() {
        let concrete: Vec<&str> =
            path.split('/').map(|part| if part.starts_with('{') { stray } else { part }).collect();
        let concrete = concrete.join("/");
        for method in methods.as_object().unwrap().keys().map(|method| method.to_uppercase()) {
            prober.send(admin, &method, &concrete, &[], "");
            prober.send(admin, &method, &concrete, &[("authorization", &wrong)], "");
            prober.send(admin, &method, &concrete, &[("authorization", &vkey)], "");
            // A locked vault would make all that follows fail for another reason.
            if path.ends_with("/vault/lock") {
                continue;
            }
            prober.send(admin, &method, &format!("{concrete}?cursor={stray}"), &[("authorization", &owner)], "");
            for body in [
                json!({ "name": stray, "provider": stray, "secret": stray }).to_string(),
                json!({ stray.as_str(): stray }).to_string(),
                format!("{{\"secret\": \"{stray}"),
            ] {
                prober.send(admin, &method, &concrete, &[("authorization", &owner)], &body);
            }
        }
    }
}
