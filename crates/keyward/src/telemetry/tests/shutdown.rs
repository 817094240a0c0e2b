//! The thread behind the public door: what is dropped, and how it ends.

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::sync::oneshot;

use super::collector::{Recorder, Reply, RuntimeClock, endpoint};
use super::rows;
use crate::telemetry::worker::BATCH;
use crate::telemetry::{QUEUE, Telemetry};

#[test]
fn a_full_queue_drops_and_counts() {
    let (release, held) = oneshot::channel();
    let (collector, mut arrivals) = Recorder::new([Reply::Held(held)]);
    let telemetry = Telemetry::start(&endpoint(), collector.egress(), RuntimeClock::start()).unwrap();
    let (observer, tally) = (telemetry.observer(), telemetry.tally.clone());
    // A full batch goes out at once and is held there; what comes now stays in the queue.
    observer(&rows::many(u32::try_from(BATCH).unwrap()));
    arrivals.blocking_recv().unwrap();
    observer(&rows::many(u32::try_from(QUEUE).unwrap()));
    assert_eq!(tally.figures(), (0, 0));
    observer(&rows::many(100));
    assert_eq!(tally.figures(), (0, 100));
    drop(release);
    telemetry.close();
    assert_eq!(tally.figures(), (u64::try_from(BATCH + QUEUE).unwrap(), 100));
    assert_eq!(collector.spans().len(), BATCH + QUEUE);
}

#[test]
fn a_collector_that_is_down_holds_nobody_up() {
    let (collector, _) = Recorder::new((0..100).map(|_| Reply::Down));
    let telemetry = Telemetry::start(&endpoint(), collector.egress(), RuntimeClock::start()).unwrap();
    let (observer, tally) = (telemetry.observer(), telemetry.tally.clone());
    observer(&rows::many(700));
    telemetry.close();
    assert_eq!(tally.figures(), (0, 700));
    // The ledger may outlive the exporter.
    observer(&rows::many(1));
    assert_eq!(tally.figures(), (0, 701));
}

#[test]
fn metrics_show_both_figures() {
    let (collector, _) = Recorder::new([]);
    let telemetry = Telemetry::start(&endpoint(), collector.egress(), RuntimeClock::start()).unwrap();
    let mut registry = Registry::with_prefix("keyward");
    telemetry.register(&mut registry);
    telemetry.observer()(&rows::many(3));
    telemetry.close();
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    assert!(text.contains("\nkeyward_telemetry_spans_exported_total 3\n"), "{text}");
    assert!(text.contains("\nkeyward_telemetry_spans_dropped_total 0\n"), "{text}");
}

#[test]
fn the_real_connector_delivers() {
    use std::io::{Read as _, Write as _};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/otlp", listener.local_addr().unwrap()).parse().unwrap();
    let collector = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut received, mut piece) = (Vec::new(), [0; 4096]);
        // The body ends where the one object in it is complete.
        loop {
            let length = stream.read(&mut piece).unwrap();
            assert!(length > 0, "the connection broke off");
            received.extend_from_slice(&piece[..length]);
            let text = String::from_utf8(received.clone()).unwrap();
            if let Some((head, body)) = text.split_once("\r\n\r\n")
                && let Ok(body) = serde_json::from_str::<serde_json::Value>(body)
            {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").unwrap();
                return (head.to_ascii_lowercase(), body);
            }
        }
    });
    let egress = keyward_gateway::egress(&[]).unwrap();
    let telemetry = Telemetry::start(&endpoint, egress, RuntimeClock::start()).unwrap();
    telemetry.observer()(&[rows::completed()]);
    let tally = telemetry.tally.clone();
    telemetry.close();
    let (head, body) = collector.join().unwrap();
    assert!(head.starts_with("post /otlp/v1/traces http/1.1\r\n"), "{head}");
    assert!(head.contains("\r\ncontent-type: application/json"), "{head}");
    assert_eq!(body["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["name"], "chat gpt-4o-mini");
    assert_eq!(tally.figures(), (1, 0));
}
