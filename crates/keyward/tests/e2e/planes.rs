//! Promise V04 on the real ports: the planes have nothing in common, neither paths nor credentials.

use serde_json::{Value, json};

use crate::line::Line;
use crate::scene::{Scene, Served};

struct Doors {
    scene: Scene,
    server: Served,
    vkey: String,
    admin: String,
}

fn doors() -> Doors {
    let scene = Scene::founded();
    let server = scene.serve();
    let (vkey, admin) = (format!("Bearer {}", scene.vkey(&["app"])), format!("Bearer {}", scene.admin_token()));
    Doors { scene, server, vkey, admin }
}

/// Method and path of every operation of the admin API, by its own description.
fn operations(doors: &Doors) -> Vec<(String, String)> {
    let description = doors.scene.json(&["openapi"]);
    let mut all = Vec::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        let concrete: Vec<&str> = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect();
        let methods = methods.as_object().unwrap().keys().filter(|method| *method != "parameters");
        all.extend(methods.map(|method| (method.to_uppercase(), concrete.join("/"))));
    }
    assert!(all.len() > 30, "{all:?}");
    all
}

#[test]
fn v04_the_admin_api_wants_an_admin_token_for_everything() {
    let doors = doors();
    let mut line = Line::to(doors.server.admin);
    let cut = doors.admin[..doors.admin.len() - 1].to_owned();
    for (method, path) in operations(&doors) {
        for (who, headers) in [
            ("nobody", &[][..]),
            ("a stranger", &[("authorization", "Bearer nonsense")][..]),
            ("half a token", &[("authorization", cut.as_str())][..]),
            ("no bearer", &[("authorization", doors.admin.trim_start_matches("Bearer "))][..]),
            ("the SDKs' header", &[("x-api-key", doors.admin.trim_start_matches("Bearer "))][..]),
        ] {
            let answer = line.call(&method, &path, headers, b"{}");
            // Whoever shows many that are not valid is told less and less often even that.
            let is_guess = who == "a stranger" || who == "half a token";
            let refused = answer.status == 401 || (is_guess && answer.status == 429);
            assert!(refused, "{method} {path} by {who}: {} {}", answer.status, answer.text());
        }
        let answer = line.call(&method, &path, &[("authorization", &doors.vkey)], b"{}");
        assert!(matches!(answer.status, 401 | 403), "{method} {path} by a virtual key: {}", answer.text());
    }
    let bearer = [("authorization", doors.admin.as_str())];
    assert_eq!(line.get("/api/v1/status", &bearer).status, 200);
    // A page in somebody's browser that points its own name at this machine is not the operator.
    let rebound = line.get("/api/v1/status", &[("host", "evil.example"), bearer[0]]);
    assert!(matches!(rebound.status, 400 | 403 | 421), "{}", rebound.text());
}

#[test]
fn v04_nothing_of_the_admin_api_is_on_the_data_port() {
    let doors = doors();
    let mut line = Line::to(doors.server.data);
    let others = ["/", "/metrics", "/api", "/api/v1", "/dashboard", "/index.html", "/debug/pprof"];
    let others = others.iter().map(|path| ("GET".to_owned(), (*path).to_owned()));
    for (method, path) in operations(&doors).into_iter().chain(others) {
        for bearer in [&doors.admin, &doors.vkey] {
            let answer = line.call(&method, &path, &[("authorization", bearer)], b"{}");
            assert!(matches!(answer.status, 403..=405), "{method} {path}: {} {}", answer.status, answer.text());
            assert_ne!(answer.status, 405, "{method} {path} exists: {}", answer.text());
        }
        let answer = line.call(&method, &path, &[], b"{}");
        assert!(matches!(answer.status, 401 | 404), "{method} {path}: {} {}", answer.status, answer.text());
    }
}

#[test]
fn v04_an_admin_token_is_no_virtual_key() {
    let doors = doors();
    let mut line = Line::to(doors.server.data);
    let token = doors.admin.trim_start_matches("Bearer ");
    let body = json!({ "model": "gpt-4o-mini", "messages": [], "max_tokens": 1, "input": "x", "contents": [] });
    for (method, path) in [
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/responses"),
        ("POST", "/v1/embeddings"),
        ("GET", "/v1/models"),
        ("POST", "/v1/messages"),
        ("POST", "/v1beta/models/gemini-2.5-flash:generateContent"),
        ("GET", "/v1beta/models"),
    ] {
        for header in [("authorization", doors.admin.as_str()), ("x-api-key", token), ("x-goog-api-key", token)] {
            let answer = line.call(method, path, &[header], body.to_string().as_bytes());
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (403, "wrong_key_environment"),
                "{method} {path} {}",
                header.0
            );
        }
    }
    assert!(doors.scene.calls(&doors.server).iter().all(|call| call["attempts"] == Value::Array(Vec::new())));
}

#[test]
fn v04_no_other_name_of_a_path_opens_the_admin_api() {
    let doors = doors();
    for address in [doors.server.admin, doors.server.data] {
        let mut line = Line::to(address);
        for path in [
            "//api/v1/status",
            "/api//v1/status",
            "/api/v1/status/",
            "/api/v1/./status",
            "/v1/../api/v1/status",
            "/%61pi/v1/status",
            "/api/v1/%73tatus",
            "/API/V1/status",
            "/api/v1/status%00",
            "/api/v1/status;x",
            "/api/v1/openapi.json/../status",
        ] {
            let answer = line.get(path, &[]);
            assert!(matches!(answer.status, 400 | 401 | 404), "{path}: {} {}", answer.status, answer.text());
        }
    }
}

/// A client that is still sending when it is refused has to hear why, not that its connection broke.
#[test]
fn v04_a_refused_upload_hears_why() {
    let doors = doors();
    let body = vec![b'x'; 3 << 20];
    for turn in 0..10 {
        for (path, kind) in [
            ("/v1/images/edits", "multipart/form-data; boundary=x"),
            ("/v1/audio/transcriptions", "multipart/form-data; boundary=x"),
            ("/v1/chat/completions", "application/json"),
        ] {
            let mut line = Line::to(doors.server.data);
            let headers = [("authorization", "Bearer nonsense"), ("content-type", kind)];
            let answer = line.call("POST", path, &headers, &body);
            assert_eq!((answer.status, answer.complete), (401, true), "{path}, turn {turn}");
        }
    }
}
