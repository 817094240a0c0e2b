use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::program::{Scene, chat};

/// Demos of other tests run at the same time.
fn on_free_ports() -> Scene {
    Scene::empty().set("KEYWARD_LISTEN__DATA", "127.0.0.1:0").set("KEYWARD_LISTEN__ADMIN", "127.0.0.1:0")
}

#[test]
fn a_taken_port_is_no_obstacle() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let scene = on_free_ports().set("KEYWARD_LISTEN__DATA", &format!("127.0.0.1:{port}"));
    let ended = scene.run(&["demo", "--once"]).succeeded();
    assert!(ended.stderr.contains(&format!("Port {port} is taken")), "{}", ended.stderr);
}

#[test]
fn the_demo_shows_every_surface_and_leaves_nothing() {
    let scene = on_free_ports();
    let folder = scene.path("temporary");
    std::fs::create_dir(&folder).unwrap();
    let scene = scene.set("TMPDIR", folder.to_str().unwrap());
    let shown = scene.json(&["demo", "--once"]);
    let surfaces = shown["surfaces"].as_array().unwrap();
    assert!(surfaces.iter().all(|surface| surface["unexpected_statuses"].as_array().unwrap().is_empty()), "{shown}");
    for vendor in ["OpenAI", "Anthropic", "Gemini"] {
        assert!(surfaces.iter().any(|surface| surface["surface"] == vendor), "{vendor}");
    }
    let called = |vendor: &str, call: &str| {
        let found = surfaces.iter().find(|surface| surface["surface"] == vendor && surface["call"] == call);
        found.unwrap_or_else(|| panic!("{vendor} {call}: {shown}"))["calls"].as_u64().unwrap()
    };
    for call in ["completions", "images", "speech", "transcription", "moderations"] {
        assert!(called("OpenAI", call) > 0, "{call}");
    }
    for call in ["count tokens", "embed"] {
        assert!(called("Gemini", call) > 0, "{call}");
    }
    assert!(surfaces.iter().any(|surface| surface["expected_status"] == 401));
    let keys = shown["keys"].as_object().unwrap();
    assert!(keys.len() == 2 && keys.values().all(|times| times.as_u64().unwrap() > 0), "{shown}");
    let total = &shown["usage"]["total"];
    for figure in ["attempts", "prompt_tokens", "completion_tokens", "cost_nanodollars"] {
        assert!(total[figure].as_u64().unwrap() > 0, "{figure}: {total}");
    }
    assert_eq!(total["unpriced"], 0);
    assert!(shown["overhead"]["p50_us"].as_u64().unwrap() > 0);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "the temporary home is gone");
    assert!(!scene.home().exists());
}

#[test]
fn the_demo_stays_up_until_it_is_told_to_end() {
    let scene = on_free_ports();
    let folder = scene.path("temporary");
    std::fs::create_dir(&folder).unwrap();
    let mut command = scene.command(&["demo"]);
    command.env("TMPDIR", &folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let clients = lines.find(|line| line.starts_with("Clients at")).unwrap();
    let address = clients.split("http://").nth(1).unwrap().split(',').next().unwrap().parse().unwrap();
    let curl: String = lines.by_ref().take(1).collect();
    let token = curl.split("Bearer ").nth(1).unwrap().split('\'').next().unwrap();
    assert_eq!(chat(address, token).0, 200);
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "the temporary home is gone");
}

#[test]
fn the_demo_reads_well() {
    let text = on_free_ports().run(&["demo", "--once"]).succeeded().stdout;
    for expected in [
        "OpenAI chat, streamed",
        "OpenAI transcription",
        "Gemini generate",
        "Gemini embed",
        "tokens",
        "cost",
        "keys used",
        "added by Keyward",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}
