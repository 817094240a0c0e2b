//! Promise S02: secrets are planted in every slot, everything is made to fail in every way that can be scripted, and
//! then everything that the program wrote or said is searched for them, in every spelling.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;

use keyward_testkit::provider::{Close, Fault, Stall, UsageShape, Vendor, VendorError};
use serde_json::{Value, json};

use crate::line::{Answer, Line};
use crate::planted::{Planted, Search};
use crate::scene::Served;

/// Deadlines short enough that standing still can be tested.
const VARIABLES: [(&str, &str); 4] = [
    ("KEYWARD_LOG__LEVEL", "trace"),
    ("KEYWARD_DEADLINES__FIRST_CONTENT_MS", "250"),
    ("KEYWARD_DEADLINES__IDLE_MS", "250"),
    ("KEYWARD_DEADLINES__TOTAL_MS", "3000"),
];

/// As often as one call can meet a fault.
const ATTEMPTS: u64 = 10;

/// Paths at which clients call with a body, whatever it is.
const PATHS: [&str; 12] = [
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/v1/embeddings",
    "/v1/images/generations",
    "/v1/images/edits",
    "/v1/audio/speech",
    "/v1/audio/transcriptions",
    "/v1/moderations",
    "/v1/messages",
    "/v1beta/models/gemini-2.5-flash:generateContent",
    "/nowhere",
];

/// Takes in what is sent to it as traces.
struct Collector {
    url: String,
    address: SocketAddr,
    thread: JoinHandle<Vec<u8>>,
}

impl Collector {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let thread = std::thread::spawn(move || {
            let mut all = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let before = all.len();
                while read_message(&mut stream, &mut all) {
                    // Who hangs up hears nothing, which is all the same here.
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
                }
                if all.len() == before {
                    break;
                }
            }
            all
        });
        Self { url: format!("http://{address}"), address, thread }
    }

    /// Everything that came; a connection on which nothing is said ends it.
    fn close(self) -> Vec<u8> {
        drop(TcpStream::connect(self.address).unwrap());
        self.thread.join().unwrap()
    }
}

/// Reads a request with a declared length; gives whether there was one.
fn read_message(stream: &mut TcpStream, all: &mut Vec<u8>) -> bool {
    let begin = all.len();
    let mut byte = [0];
    while !all[begin..].ends_with(b"\r\n\r\n") {
        if !matches!(stream.read(&mut byte), Ok(1)) {
            return false;
        }
        all.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&all[begin..]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    let whole = stream.read_exact(&mut body).is_ok();
    all.extend_from_slice(&body);
    whole
}

/// Sends calls, keeps count, and notes every answer that shows a secret.
struct Prober<'a> {
    search: &'a Search,
    calls: usize,
    leaks: Vec<String>,
}

impl Prober<'_> {
    fn look(&mut self, what: &str, answer: &Answer) {
        self.calls += 1;
        for (part, bytes) in [("head", answer.head.as_bytes()), ("body", &answer.body)] {
            let hits = self.search.hits(bytes).into_iter();
            self.leaks.extend(hits.map(|hit| format!("{what} ({}), in the {part}: {hit}", answer.status)));
        }
    }
}

#[test]
fn s02_planted_secrets_are_in_nothing_that_is_written_or_said() {
    let collector = Collector::open();
    let variables = [&VARIABLES[..], &[("KEYWARD_TELEMETRY__OTLP_ENDPOINT", &collector.url)]].concat();
    let planted = Planted::in_a_home(21, &variables);
    let server = planted.scene.serve();
    let (said, written) = (planted.search(false), planted.search(true));
    let mut prober = Prober { search: &said, calls: 0, leaks: Vec::new() };
    let reached = failing_providers(&mut prober, &server, &planted);
    eprintln!("{reached} faults met a call");
    assert!(reached >= 250, "{reached} faults met a call");
    wrong_calls(&mut prober, server.data, &planted);
    control_plane(&mut prober, server.admin, &planted);
    assert!(prober.calls > 900, "{} calls", prober.calls);
    prober.look("/metrics", &Line::to(server.admin).get("/metrics", &[]));
    commands(&planted);

    for file in ["cmdline", "environ", "status", "limits"] {
        // A hardened process may keep some of these to itself.
        let content = std::fs::read(format!("/proc/{}/{file}", server.pid().as_raw_nonzero())).unwrap_or_default();
        written.assert_clean(file, &content);
        if file == "limits" {
            let text = String::from_utf8_lossy(&content).into_owned();
            let core = text.lines().find(|line| line.starts_with("Max core file size")).unwrap();
            assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
        }
    }
    let leaks = prober.leaks.join("\n");
    let (ended, log) = server.stop();
    assert!(ended.success() && log.contains("\"message\":\"serving\""), "the log was written");
    let traces = collector.close();
    assert!(traces.len() > 1_000, "traces were sent");
    written.assert_clean("the traces", &traces);
    for (file, content) in planted.scene.logs() {
        written.assert_clean(&file.display().to_string(), &content);
    }
    let found = written.in_files(&planted.scene.home(), &["root.key", "admin.token"]);
    assert!(found.is_empty(), "{found:?}");
    assert!(leaks.is_empty(), "{leaks}");
}

/// Every vendor fails in every way, streamed and not. Gives how many calls met their fault.
fn failing_providers(prober: &mut Prober<'_>, server: &Served, planted: &Planted) -> usize {
    let provider = &planted.provider;
    let mut reached = 0;
    for (vendor, key) in &planted.keys {
        for streamed in [false, true] {
            for (name, fault) in faults(*vendor, key) {
                begin_afresh(server.admin, vendor.name(), &planted.admin);
                let before = provider.requests_total();
                provider.script(fault.times(ATTEMPTS));
                let mut line = Line::to(server.data);
                let (path, body) = request(*vendor, streamed, &planted.prompt);
                let answer = line.post(&path, &[(header(*vendor), &planted.vkey)], &body);
                assert_ne!(answer.status, 0, "{vendor}, {name}: no answer");
                prober.look(&format!("{vendor}, {name}, streamed: {streamed}"), &answer);
                reached += usize::from(provider.requests_total() > before);
                provider.clear_script();
                provider.release();
            }
        }
    }
    reached
}

/// Nothing is held against a vendor and its key: what the fault before taught must not keep this one from being met.
fn begin_afresh(admin: SocketAddr, vendor: &str, token: &str) {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let mut line = Line::to(admin);
    for (method, path) in [
        ("POST", format!("/api/v1/providers/{vendor}/disable")),
        ("POST", format!("/api/v1/providers/{vendor}/enable")),
        ("DELETE", format!("/api/v1/keys/{vendor}%2Fcanary/cooldown")),
    ] {
        let answer = line.call(method, &path, &headers, b"");
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
}

fn faults(vendor: Vendor, key: &str) -> Vec<(String, Fault)> {
    let mut all: Vec<(String, Fault)> = Vec::new();
    let bad = VendorError::BadRequest(format!("What is this: {key}?"), Some(key.to_owned()));
    for error in [
        VendorError::InvalidKey,
        VendorError::MissingScope,
        VendorError::NoCredit,
        VendorError::Quota,
        VendorError::RateLimited(Some(1)),
        VendorError::Overloaded,
        VendorError::Internal,
        VendorError::Timeout,
        VendorError::ContextTooLong,
        VendorError::ContentPolicy,
        VendorError::Leaked,
        bad.clone(),
    ] {
        all.push((format!("{error:?}").chars().take(16).collect(), Fault::refuse(error).echo_key()));
    }
    let echo = r#"{"error":{"message":"your key {{key}} is odd","type":"x","code":"{{key}}"},"key":"{{key}}"}"#;
    for status in [400, 401, 402, 403, 404, 409, 418, 422, 429, 500, 502, 503, 529] {
        let fault = Fault::status(status).body("application/json", echo).header("x-debug", key);
        all.push((format!("{status} with the key in it"), fault));
    }
    let page = "<html>key={{key}}</html>";
    let event = format!(
        "event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"x\",\"message\":\"bad key {key}\"}}}}\n\n"
    );
    all.extend([
        ("a page".to_owned(), Fault::status(500).body("text/html", page)),
        ("a page with 200".to_owned(), Fault::status(200).body("text/html", page)),
        ("text".to_owned(), Fault::status(401).body("text/plain", "{{key}}")),
        ("a redirect".to_owned(), Fault::redirect(307, &format!("http://127.0.0.1:9/?key={key}"))),
        ("a challenge".to_owned(), Fault::status(401).header("www-authenticate", &format!("Bearer {key}"))),
        ("a header with 200".to_owned(), Fault::answer().header("x-debug", &format!("Bearer {key}"))),
        ("a cookie".to_owned(), Fault::answer().header("set-cookie", &format!("key={key}"))),
        ("a gzipped refusal".to_owned(), Fault::refuse(VendorError::InvalidKey).echo_key().gzip()),
        ("an empty answer".to_owned(), Fault::empty()),
        ("no HTTP".to_owned(), Fault::raw(format!("220 hello {key}\r\n"))),
        ("half a head".to_owned(), Fault::raw(format!("HTTP/1.1 200 OK\r\nx-key: {key}\r\n"))),
        ("hangs up".to_owned(), Fault::hang_up(Close::Fin)),
        ("resets".to_owned(), Fault::hang_up(Close::Reset)),
        ("cut early".to_owned(), Fault::answer().cut_at(10, Close::Reset)),
        ("cut later".to_owned(), Fault::answer().cut_at(300, Close::Fin)),
        ("stands still".to_owned(), Fault::answer().stall(Stall::BeforeHeaders)),
        ("stands still after tokens".to_owned(), Fault::answer().stall(Stall::AfterTokens(2))),
        ("an error in the stream".to_owned(), Fault::answer().error_after(3, VendorError::Internal)),
        ("an error at once".to_owned(), Fault::answer().error_after(0, bad)),
        ("an error event with the key".to_owned(), Fault::answer().insert_after(0, event)),
        ("a broken event".to_owned(), Fault::answer().malformed_line_after(2)),
        ("no usage".to_owned(), Fault::answer().usage(UsageShape::Absent)),
        (
            format!("in small pieces from {vendor}"),
            Fault::refuse(VendorError::InvalidKey).echo_key().rechunk([1, 2, 3]),
        ),
    ]);
    all
}

/// A call that its vendor would answer.
fn request(vendor: Vendor, streamed: bool, prompt: &str) -> (String, Value) {
    let messages = json!([{ "role": "user", "content": prompt }]);
    match vendor {
        Vendor::OpenAi => (
            "/v1/chat/completions".to_owned(),
            json!({ "model": "gpt-4o-mini", "stream": streamed, "messages": messages }),
        ),
        Vendor::Anthropic => (
            "/v1/messages".to_owned(),
            json!({ "model": "claude-haiku-4-5", "max_tokens": 100, "stream": streamed, "messages": messages }),
        ),
        Vendor::Gemini => {
            let verb = if streamed { "streamGenerateContent?alt=sse" } else { "generateContent" };
            let body = json!({ "contents": [{ "parts": [{ "text": prompt }] }] });
            (format!("/v1beta/models/gemini-2.5-flash:{verb}"), body)
        }
    }
}

fn header(vendor: Vendor) -> &'static str {
    match vendor {
        Vendor::OpenAi => "api-key",
        Vendor::Anthropic => "x-api-key",
        Vendor::Gemini => "x-goog-api-key",
    }
}

/// Everything that a client can get wrong, with secrets in the wrong places.
fn wrong_calls(prober: &mut Prober<'_>, data: SocketAddr, planted: &Planted) {
    let (vkey, stray, prompt) = (&planted.vkey, &planted.stray, &planted.prompt);
    let bearer = |token: &str| format!("Bearer {token}");
    let (good, old, wrong, admin) = (bearer(vkey), bearer(&planted.rotated), bearer(stray), bearer(&planted.admin));
    let cut = &vkey[..vkey.len() - 1];
    let own = bearer(&planted.keys[0].1);
    let ordinary = json!({
        "model": "gpt-4o-mini", "input": prompt, "prompt": prompt, "max_tokens": 9,
        "messages": [{ "role": "user", "content": prompt }], "contents": [{ "parts": [{ "text": prompt }] }],
    });
    let ordinary = ordinary.to_string();
    let bodies = [
        ordinary.clone(),
        String::new(),
        format!("{{\"model\": \"gpt-4o-mini\", \"messages\": [\"{prompt} {stray}"),
        ordinary.replace("gpt-4o-mini", "no-such-model"),
        ordinary.replace("gpt-4o-mini", "busy/../gpt"),
        json!({ "model": 7, "api_key": stray, "base_url": "http://127.0.0.1:9" }).to_string(),
    ];
    for path in PATHS {
        let mut line = Line::to(data);
        for headers in [
            &[("authorization", good.as_str())][..],
            &[("authorization", old.as_str())][..],
            &[("authorization", wrong.as_str())][..],
            &[("authorization", own.as_str())][..],
            &[("authorization", admin.as_str())][..],
            &[("x-api-key", cut)][..],
            &[("x-goog-api-key", stray.as_str())][..],
            &[("api-key", vkey.as_str()), ("x-api-key", stray.as_str())][..],
            &[("authorization", good.as_str()), ("cookie", stray.as_str()), ("x-keyward-tags", stray.as_str())][..],
        ] {
            for body in &bodies {
                let answer = line.call("POST", path, headers, body.as_bytes());
                prober.look(&format!("POST {path}"), &answer);
            }
        }
        for method in ["GET", "DELETE", "PUT", "OPTIONS", "HEAD"] {
            prober.look(&format!("{method} {path}"), &line.call(method, path, &[("authorization", &good)], b""));
        }
        let keyed = format!("{path}?key={stray}&x={vkey}");
        prober.look("a key in the query", &line.call("POST", &keyed, &[], ordinary.as_bytes()));
    }
    for path in ["/v1/models", "/v1beta/models", "/v1/models/gpt-4o-mini"] {
        prober.look(path, &Line::to(data).get(path, &[("authorization", &good)]));
    }
}

/// Every operation: without a token, with wrong ones, with secrets as input, and as it should be.
fn control_plane(prober: &mut Prober<'_>, admin: SocketAddr, planted: &Planted) {
    let stray = &planted.stray;
    let bearer = |token: &str| format!("Bearer {token}");
    let (owner, wrong, vkey) = (bearer(&planted.admin), bearer(stray), bearer(&planted.vkey));
    let description = planted.scene.json(&["openapi"]);
    let mut line = Line::to(admin);
    for (path, methods) in description["paths"].as_object().unwrap() {
        // A locked vault would make all that follows fail for another reason.
        if path.ends_with("/vault/lock") {
            continue;
        }
        let concrete: Vec<&str> =
            path.split('/').map(|part| if part.starts_with('{') { stray } else { part }).collect();
        let concrete = concrete.join("/");
        for method in methods.as_object().unwrap().keys().map(|method| method.to_uppercase()) {
            let what = format!("{method} {path}");
            for headers in [&[][..], &[("authorization", wrong.as_str())][..], &[("authorization", vkey.as_str())][..]]
            {
                prober.look(&what, &line.call(&method, &concrete, headers, b""));
            }
            let headers = [("authorization", owner.as_str())];
            prober.look(&what, &line.call(&method, &format!("{concrete}?cursor={stray}"), &headers, b""));
            for body in [
                json!({ "name": stray, "provider": stray, "secret": stray }).to_string(),
                json!({ "preset": "openai", "base_url": format!("https://user:{stray}@127.0.0.1/") }).to_string(),
                json!({ stray.as_str(): stray }).to_string(),
                format!("{{\"secret\": \"{stray}"),
            ] {
                prober.look(&what, &line.call(&method, &concrete, &headers, body.as_bytes()));
            }
            // A stream of events has no end.
            if method == "GET" && !path.ends_with("/v1/events") {
                let named = path.replace("{key}", "openai%2Fcanary").replace("{vkey}", "app");
                prober.look(&what, &line.get(&named.replace("{provider}", "openai"), &headers));
            }
        }
    }
}

/// Every command that is not there to show a secret, for people and for programs.
fn commands(planted: &Planted) {
    let search = planted.search(true);
    let scene = &planted.scene;
    for arguments in [
        &["status"][..],
        &["doctor"][..],
        &["key", "list"][..],
        &["key", "show", "openai/canary", "--models"][..],
        &["key", "test", "--all"][..],
        &["key", "disable", "gemini/canary"][..],
        &["key", "enable", "gemini/canary"][..],
        &["vkey", "list", "--revoked"][..],
        &["vkey", "show", "app"][..],
        &["provider", "list"][..],
        &["provider", "show", "openai"][..],
        &["provider", "test", "openai"][..],
        &["model", "list"][..],
        &["model", "alias", "list"][..],
        &["requests", "list", "--limit", "500"][..],
        &["requests", "list", "--failed"][..],
        &["audit", "list", "--limit", "500"][..],
        &["usage", "--group-by", "model,credential,virtual_key"][..],
        &["config", "check"][..],
        &["completions", "bash"][..],
        &["openapi"][..],
    ] {
        for json in [&[][..], &["--json"][..]] {
            scene.run(&[arguments, json].concat());
        }
    }
    let newest = scene.json(&["requests", "list", "--limit", "1"])["items"][0]["id"].as_str().unwrap().to_owned();
    scene.run(&["requests", "show", &newest]).succeeded();
    scene.run_with(&["key", "add", "openai", "--name", "again"], &planted.keys[0].1).ended_with(1);
    scene.run(&["key", "add", "openai", &planted.stray]).ended_with(2);
    scene.run(&["key", "show", &planted.stray]);
    scene.run_with(&["key", "add", "openai", "--name", "odd"], &format!("{} {}", planted.stray, planted.stray));
    // These two show a token once, which is what they are for; all others never do.
    let meant_to = ["keyward vkey create", "keyward vkey rotate"];
    for (command, printed) in scene.printed() {
        if !meant_to.iter().any(|meant| command.starts_with(meant)) {
            search.assert_clean("the output of a command", &printed);
        }
    }
    let revealed = scene.run(&["key", "reveal", "openai/canary", "--yes"]).succeeded();
    assert_eq!(revealed.stdout.trim(), planted.keys[0].1);
}
