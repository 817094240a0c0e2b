//! The ledger of a process that is killed or put to sleep, and its sums when somebody tampered with them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use keyward_testkit::provider::{Fault, ScriptedProvider};
use rustix::process::{Signal, kill_process};

use crate::crash::{MODELS, assert_in_the_ledger, call, priced};
use crate::line::Line;
use crate::scene::{Scene, wait_for};

/// How long a restart may take.
const BACK_WITHIN: Duration = Duration::from_secs(2);
/// Calls under way when the process is killed.
const UNDER_WAY: usize = 12;

#[test]
fn f13_killed_for_its_memory_it_is_back_within_two_seconds() {
    let provider = ScriptedProvider::start_blocking();
    let scene = priced(&provider);
    let token = scene.vkey(&["app"]);
    provider.script(Fault::answer().answer_tokens(60).always());
    let server = scene.serve();
    let data = server.data;
    let mut line = Line::to(data);
    (0..40).for_each(|turn| assert!(call(&mut line, &token, turn).complete));
    let point = provider.requests_total() + 3;
    std::thread::scope(|scope| {
        for client in 0..UNDER_WAY {
            let token = &token;
            scope.spawn(move || call(&mut Line::to(data), token, client));
        }
        wait_for("calls", provider.wait_for_requests(point));
        // As the kernel does it when memory runs out.
        server.kill();
    });
    wait_for("the end of all connections", provider.wait_for_connections(0));

    let begun = Instant::now();
    let server = scene.serve();
    let took = begun.elapsed();
    eprintln!("back after {took:?}");
    assert!(took < BACK_WITHIN, "{took:?}");
    assert!(call(&mut Line::to(server.data), &token, 0).complete);
    let (ended, log) = server.stop();
    assert!(ended.success(), "{log}");
    let status = scene.json(&["status"]);
    let rows = status["ledger"]["entries"].as_u64().unwrap();
    assert!(rows >= u64::try_from(provider.bill().len()).unwrap(), "{status}");
    assert_eq!(scene.json(&["usage", "reconcile"])["agrees"], true);
}

#[test]
fn f14_put_to_sleep_under_load_nothing_is_doubled_and_nobody_takes_over() {
    let provider = ScriptedProvider::start_blocking();
    let scene = priced(&provider);
    let token = scene.vkey(&["app"]);
    provider.script(Fault::answer().answer_tokens(200).always());
    let server = scene.serve();
    let (data, complete) = (server.data, AtomicUsize::new(0));
    let point = provider.requests_total() + 20;
    std::thread::scope(|scope| {
        for client in 0..6 {
            let (token, complete) = (&token, &complete);
            scope.spawn(move || {
                let mut line = Line::to(data);
                for number in 0..10 {
                    let answer = call(&mut line, token, client + number);
                    assert!(answer.status == 200 && answer.complete, "{}", answer.head);
                    complete.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        wait_for("calls", provider.wait_for_requests(point));
        kill_process(server.pid(), Signal::STOP).unwrap();
        // While it sleeps its home is still its own: nobody settles for it, so nothing can be settled twice.
        let other = scene.run(&["serve"]);
        assert!(other.code != 0 && other.stderr.contains("already running"), "{}{}", other.stdout, other.stderr);
        kill_process(server.pid(), Signal::CONT).unwrap();
    });
    let (ended, log) = server.stop();
    assert!(ended.success(), "{log}");
    assert_in_the_ledger(&provider, &scene, complete.load(Ordering::SeqCst));
    assert_eq!(scene.json(&["usage", "reconcile"])["agrees"], true);
}

#[test]
fn a_sum_that_was_tampered_with_is_told_of_everywhere_and_left_alone() {
    let provider = ScriptedProvider::start_blocking();
    let scene = priced(&provider);
    let token = scene.vkey(&["app"]);
    provider.script(Fault::answer().answer_tokens(60).always());
    let server = scene.serve();
    let mut line = Line::to(server.data);
    (0..6).for_each(|turn| assert!(call(&mut line, &token, turn).complete));
    let (ended, log) = server.stop();
    assert!(ended.success(), "{log}");
    let agreed = scene.run(&["usage", "reconcile"]).ended_with(0);
    assert!(agreed.stdout.contains("6 rows agree with the sums"), "{}", agreed.stdout);

    let by_hand = rusqlite::Connection::open(scene.home().join("keyward.db")).unwrap();
    by_hand.execute("UPDATE spend SET cost_nanodollars = cost_nanodollars + 7 WHERE kind = 1", []).unwrap();
    drop(by_hand);
    let found = scene.run(&["usage", "reconcile"]).ended_with(3);
    assert!(found.stdout.contains("global") && found.stdout.contains("Nothing was changed"), "{}", found.stdout);
    let doctor = scene.run(&["doctor"]).ended_with(3);
    assert!(doctor.stdout.contains("do not agree with 6 rows"), "{}", doctor.stdout);

    // A server looks by itself as soon as it serves.
    let server = scene.serve();
    let told = |scene: &Scene| scene.json(&["status"])["warnings"].to_string().contains("do not agree with its rows");
    assert!((0..200).any(|_| told(&scene)), "{}", scene.json(&["status"]));
    let bearer = format!("Bearer {}", scene.admin_token());
    let metrics = Line::to(server.admin).get("/metrics", &[("authorization", &bearer)]);
    for line in ["keyward_ledger_drift_nanodollars 7", "keyward_ledger_drifts 1", "keyward_reconciliations_total "] {
        assert!(metrics.text().contains(line), "{line} in {}", metrics.text());
    }
    let (_, log) = server.stop();
    assert!(log.contains("does not agree with the rows of the ledger"), "{log}");
    scene.run(&["usage", "reconcile"]).ended_with(3);
}

#[test]
fn budgets_on_each_of_a_kind_count_their_own_tenants_calls_and_agree_with_the_rows() {
    let provider = ScriptedProvider::start_blocking();
    let scene = priced(&provider);
    scene.run(&["tenant", "create", "acme"]).succeeded();
    scene.run(&["user", "create", "eve"]).succeeded();
    let tokens =
        [scene.vkey(&["app"]), scene.vkey(&["ann", "--tenant", "acme"]), scene.vkey(&["eves", "--user", "eve"])];
    provider.script(Fault::answer().answer_tokens(60).always());
    let calls = |data| {
        for token in &tokens {
            assert!(call(&mut Line::to(data), token, 0).complete);
        }
    };
    let server = scene.serve();
    calls(server.data);
    // Filled from the rows of both tenants, then moved by their calls.
    for scope in ["each:vkey", "each:provider", "each:key", "each:acme/vkey", "each:user"] {
        scene.run(&["budget", "set", scope, "--usd", "1", "--per", "month"]).succeeded();
    }
    calls(server.data);
    assert_eq!(scene.json(&["usage", "reconcile"])["agrees"], true, "{}", scene.json(&["usage", "reconcile"]));
    let (ended, log) = server.stop();
    assert!(ended.success(), "{log}");
    // And read anew by the next process. Keys that are revoked and users that are removed leave their rows, to which
    // corrections may still come.
    scene.run(&["vkey", "revoke", "ann"]).succeeded();
    scene.run(&["vkey", "update", "eves", "--no-user"]).succeeded();
    scene.run(&["user", "delete", "eve"]).succeeded();
    for model in MODELS {
        scene.run(&["model", "price", model, "--input", "3", "--output", "4"]).succeeded();
    }
    let server = scene.serve();
    assert!(call(&mut Line::to(server.data), &tokens[0], 1).complete);
    scene.run(&["usage", "reprice", "--since", "1h"]).succeeded();
    assert_eq!(scene.json(&["usage", "reconcile"])["agrees"], true, "{}", scene.json(&["usage", "reconcile"]));
    for (scope, count) in [("each:vkey", 2), ("each:acme/vkey", 1), ("each:provider", 2), ("each:key", 2)] {
        let shown = scene.json(&["budget", "show", scope]);
        assert_eq!(shown[0]["scopes"], count, "{shown}");
    }
    let by_tenant = scene.run(&["usage", "--group-by", "tenant"]).succeeded().stdout;
    assert!(by_tenant.contains("default") && by_tenant.contains("acme"), "{by_tenant}");
    scene.run(&["budget", "set", "each:acme/provider", "--usd", "1"]).ended_with(2);
    server.stop();
}
