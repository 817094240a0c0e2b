//! Signing in, with as few rights as suffice, and encrypted.

use std::process::{Command, Stdio};

use keyward_domain::limit::Meter;
use keyward_domain::port::Counters as _;
use keyward_store::redis::{Address, BadUrl, Health, Options, Why};

use super::node::{Node, limit, patient, tokens, with_burst};
use super::server::{Server, free_port};

/// What the documentation tells operators to allow.
const RIGHTS: &str = "resetchannels -@all +eval +evalsha +script|load +select +time +get +set +del +hgetall +hget +hset \
     +hincrby +hdel +pexpire +zadd +zrem +zcard +zremrangebyscore";

#[tokio::test]
async fn a_user_with_the_documented_rights_suffices() {
    let server = Server::start();
    let word = ["only", "for", "this", "test"].join("-");
    let mut rule = vec!["ACL", "SETUSER", "keyward", "on", "~kw:*"];
    let password = format!(">{word}");
    rule.push(&password);
    rule.extend(RIGHTS.split_whitespace());
    assert_eq!(server.command(&rule), "OK");
    server.command(&["ACL", "SETUSER", "default", "off"]);

    let url = format!("redis://keyward:{word}@127.0.0.1:{}/1", server.port());
    let node = Node::at(&url).await;
    let limits =
        [limit(1, Meter::Tokens, 100), with_burst(2, Meter::Tokens, 100, 100), limit(3, Meter::Concurrency, 1)];
    for used in [tokens(5, 5), tokens(50, 50)] {
        let taken = node.take(&limits, tokens(10, 10)).await.unwrap();
        assert!(node.take(&limits, tokens(10, 10)).await.is_err());
        node.counters.settle(taken, used, node.now());
    }
    assert_eq!(node.level(&limits[0]).await.used, 110);
    assert_eq!(node.counters.counted().failures, 0);

    let wrong = Node::begin(patient(&url.replace(&word, "wrong")), 2);
    let refused = |node: &Node| matches!(node.counters.health(), Health::Degraded { why: Why::Refused(_), .. });
    wrong.until("refused", || refused(&wrong)).await;
    let Health::Degraded { why, .. } = wrong.counters.health() else { panic!("it is not well") };
    assert!(why.to_string().contains("WRONGPASS") && !why.to_string().contains(&word), "{why}");
    let nobody = Node::begin(patient(&server.url()), 3);
    nobody.until("refused", || refused(&nobody)).await;
}

#[tokio::test]
async fn an_encrypted_connection_is_verified() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let certificate = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"];
    let name = [
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
    ];
    let mut openssl = Command::new("openssl");
    openssl.args(certificate).args(name).args(["-keyout", &file("key"), "-out", &file("cert")]);
    assert!(openssl.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success());
    let mut der = Command::new("openssl");
    der.args(["x509", "-in", &file("cert"), "-outform", "DER", "-out", &file("der")]);
    assert!(der.status().unwrap().success());

    let port = free_port().to_string();
    let server = Server::start_with(&[
        "--tls-port",
        &port,
        "--tls-cert-file",
        &file("cert"),
        "--tls-key-file",
        &file("key"),
        "--tls-auth-clients",
        "no",
    ]);
    let root = std::fs::read(file("der")).unwrap();
    let url = format!("rediss://localhost:{port}");
    let node = Node::begin(Options { extra_roots: vec![root], ..patient(&url) }, 1);
    node.until_healthy().await;
    let _taken = node.take(&[limit(1, Meter::Requests, 1)], tokens(0, 0)).await.unwrap();
    assert_eq!(node.counters.counted().local, 0);
    assert!(server.command(&["KEYS", "kw:*"]).contains("requests"));

    let distrusting = Node::begin(patient(&url), 2);
    let untrusted = |why: &Why| matches!(why, Why::Unreachable(text) if text.starts_with("TLS"));
    distrusting
        .until("refused", || matches!(distrusting.counters.health(), Health::Degraded { why, .. } if untrusted(&why)))
        .await;
}

#[tokio::test]
async fn a_socket_of_this_machine_will_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let _server = Server::start_with(&["--unixsocket", path.to_str().unwrap()]);
    let node = Node::at(&format!("unix://{}", path.display())).await;
    let _taken = node.take(&[limit(1, Meter::Requests, 1)], tokens(0, 0)).await.unwrap();
    assert!(node.take(&[limit(1, Meter::Requests, 1)], tokens(0, 0)).await.is_err());
}

#[tokio::test]
async fn a_server_that_forgot_the_scripts_is_given_their_texts() {
    let server = Server::start();
    let node = Node::at(&server.url()).await;
    let limits = [limit(1, Meter::Tokens, 100), limit(2, Meter::Concurrency, 1)];
    server.command(&["SCRIPT", "FLUSH"]);
    let taken = node.take(&limits, tokens(10, 0)).await.unwrap();
    server.command(&["SCRIPT", "FLUSH"]);
    node.counters.undo(taken, node.now());
    let _ = node.level(&limits[0]).await;
    assert_eq!(node.level(&limits[0]).await.used, 0);
    assert_eq!(node.counters.counted().local, 0);
}

#[tokio::test]
async fn nothing_but_counters_is_kept_and_all_of_it_runs_out() {
    let server = Server::start();
    let node = Node::at(&server.url()).await;
    let limits =
        [limit(1, Meter::Tokens, 100), with_burst(2, Meter::Tokens, 100, 100), limit(3, Meter::Concurrency, 3)];
    let taken = node.take(&limits, tokens(10, 0)).await.unwrap();
    let _open = node.take(&limits, tokens(10, 0)).await.unwrap();
    node.counters.settle(taken, tokens(20, 0), node.now());
    let _ = node.level(&limits[0]).await;
    let keys = server.command(&["KEYS", "*"]);
    for key in keys.split(' ').filter(|key| *key != "kw:probe") {
        let of_a_limit = ["w", "b", "p"].iter().any(|kind| key.contains(&format!("}}:{kind}:lim_")));
        let given = key.contains("}:given:");
        assert!(key.starts_with("kw:{t:ten_") && (of_a_limit || given || key.ends_with("}:epoch")), "{key}");
        let kept: i64 = server.command(&["PTTL", key]).parse().unwrap();
        assert!(key.ends_with("}:epoch") || (1..=900_000).contains(&kept), "{key}: {kept}");
    }
}

#[test]
fn a_url_says_where_and_how() {
    let options = Options::from_url("rediss://us%40er:p%3a%ss@[::1]:7000/2").unwrap();
    assert_eq!(options.address, Address::Tcp("::1".to_owned(), 7000));
    assert_eq!((options.tls, options.user.as_deref(), options.database), (true, Some("us@er"), 2));
    let password = options.password.unwrap();
    assert_eq!(password.expose(), b"p:%ss");
    let plain = Options::from_url("redis://counters").unwrap();
    assert_eq!((plain.address, plain.tls), (Address::Tcp("counters".to_owned(), 6379), false));
    assert!(plain.password.is_none() && plain.user.is_none());
    let secret = Options::from_url("redis://:word@counters:1").unwrap();
    assert!(secret.user.is_none() && secret.password.is_some());
    assert_eq!(Options::from_url("unix:///run/counters").unwrap().address, Address::Unix("/run/counters".into()));
    for (url, bad) in [
        ("http://counters", BadUrl::Scheme),
        ("counters:6379", BadUrl::Scheme),
        ("redis://", BadUrl::Host),
        ("redis://:6379", BadUrl::Host),
        ("redis://counters:0", BadUrl::Port),
        ("redis://counters:99999", BadUrl::Port),
        ("redis://counters/one", BadUrl::Database),
    ] {
        assert_eq!(Options::from_url(url).unwrap_err(), bad, "{url}");
    }
}
