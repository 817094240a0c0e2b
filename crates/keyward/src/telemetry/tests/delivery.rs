//! Batches, waits and tries, in the runtime's time, which stands still until everybody waits.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::collector::{Recorder, Reply, RuntimeClock, endpoint};
use super::rows;
use crate::telemetry::collector::{Collector, EXPORT_DEADLINE};
use crate::telemetry::span::Span;
use crate::telemetry::tally::Tally;
use crate::telemetry::worker::{BATCH, FLUSH, LINGER, RETRY_AT_MOST, Stop, TRIES, Worker};
use crate::telemetry::{QUEUE, observe};

/// The exporter without its thread, so that its time is the test's.
struct Exporter {
    spans: mpsc::Sender<Span>,
    tally: Tally,
    stop: watch::Sender<bool>,
    running: JoinSet<()>,
}

impl Exporter {
    fn start(collector: &Recorder) -> Self {
        let (spans, queued) = mpsc::channel(QUEUE);
        let (stop, stopped) = watch::channel(false);
        let tally = Tally::default();
        let collector = Collector::at(&endpoint(), collector.egress());
        let worker = Worker::new(queued, Stop::from(stopped), collector, tally.clone(), RuntimeClock::start());
        let mut running = JoinSet::new();
        running.spawn(worker.run());
        Self { spans, tally, stop, running }
    }

    fn observe(&self, requests: u32) {
        observe(&self.spans, &self.tally, &rows::many(requests));
    }

    /// Stops it; gives how long it took.
    async fn end(mut self) -> Duration {
        let told = Instant::now();
        self.stop.send(true).unwrap();
        while let Some(ended) = self.running.join_next().await {
            ended.unwrap();
        }
        told.elapsed()
    }
}

#[tokio::test(start_paused = true)]
async fn a_lone_span_waits_a_moment_for_others() {
    let (collector, _) = Recorder::new([]);
    let exporter = Exporter::start(&collector);
    exporter.observe(1);
    sleep(LINGER.saturating_sub(Duration::from_millis(10))).await;
    assert_eq!(collector.requests().len(), 0);
    exporter.observe(2);
    sleep(Duration::from_millis(20)).await;
    assert_eq!(collector.requests().len(), 1);
    assert_eq!(collector.spans().len(), 3);
    assert_eq!(exporter.tally.figures(), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_full_batch_waits_for_nobody() {
    let (collector, mut arrivals) = Recorder::new([]);
    let exporter = Exporter::start(&collector);
    let began = Instant::now();
    exporter.observe(u32::try_from(BATCH).unwrap() + 1);
    arrivals.recv().await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(collector.spans().len(), BATCH);
    arrivals.recv().await.unwrap();
    assert!(began.elapsed() >= LINGER, "the one that is left waits for others");
    assert_eq!(collector.spans().len(), BATCH + 1);
}

#[tokio::test(start_paused = true)]
async fn a_collector_in_trouble_is_asked_again() {
    let (collector, mut arrivals) = Recorder::new([Reply::After(503, "7"), Reply::Down, Reply::Never]);
    let exporter = Exporter::start(&collector);
    exporter.observe(1);
    for _ in 0..4 {
        arrivals.recv().await.unwrap();
    }
    let at: Vec<Instant> = collector.requests().iter().map(|sent| sent.at).collect();
    assert_eq!(at[1] - at[0], Duration::from_secs(7), "the wait that it named");
    let (second, third) = (at[2] - at[1], at[3] - (at[2] + EXPORT_DEADLINE));
    assert!((1.5..=2.0).contains(&second.as_secs_f64()), "{second:?}");
    assert!((3.0..=4.0).contains(&third.as_secs_f64()), "twice as long: {third:?}");
    exporter.end().await;
    let bodies: Vec<_> = collector.requests().iter().map(|sent| sent.request.body.clone()).collect();
    assert!(bodies.iter().all(|body| *body == bodies[0]), "the same spans each time");
}

#[tokio::test(start_paused = true)]
async fn no_wish_of_the_collector_is_endless() {
    let (collector, mut arrivals) = Recorder::new([Reply::After(429, "86400")]);
    let exporter = Exporter::start(&collector);
    exporter.observe(1);
    arrivals.recv().await.unwrap();
    arrivals.recv().await.unwrap();
    let sent = collector.requests();
    assert_eq!(sent[1].at - sent[0].at, RETRY_AT_MOST);
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_is_down_costs_the_batch_and_nothing_else() {
    let (collector, mut arrivals) = Recorder::new((0..TRIES).map(|_| Reply::Down));
    let exporter = Exporter::start(&collector);
    exporter.observe(3);
    for _ in 0..TRIES {
        arrivals.recv().await.unwrap();
    }
    // It is back.
    sleep(LINGER).await;
    assert_eq!(exporter.tally.figures(), (0, 3));
    exporter.observe(2);
    arrivals.recv().await.unwrap();
    sleep(LINGER).await;
    assert_eq!(exporter.tally.figures(), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn what_the_collector_refuses_is_not_sent_again() {
    for status in [301, 400, 401, 404, 413, 500] {
        let (collector, _) = Recorder::new([Reply::Answer(status, "no")]);
        let exporter = Exporter::start(&collector);
        exporter.observe(4);
        sleep(Duration::from_mins(10)).await;
        assert_eq!(collector.requests().len(), 1, "{status}");
        assert_eq!(exporter.tally.figures(), (0, 4), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_collector_left_out_is_counted() {
    for (answer, figures) in [
        (r#"{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}}"#, (3, 2)),
        (r#"{"partialSuccess":{"rejectedSpans":1}}"#, (4, 1)),
        (r#"{"partialSuccess":{"errorMessage":"please use another port"}}"#, (5, 0)),
        (r#"{"partialSuccess":{"rejectedSpans":"99"}}"#, (0, 5)),
        ("", (5, 0)),
        ("<html>", (5, 0)),
    ] {
        let (collector, _) = Recorder::new([Reply::Answer(200, answer)]);
        let exporter = Exporter::start(&collector);
        exporter.observe(5);
        sleep(LINGER * 2).await;
        assert_eq!(exporter.tally.figures(), figures, "{answer}");
        assert_eq!(collector.requests().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_sends_what_is_left_at_once() {
    let (collector, _) = Recorder::new([]);
    let exporter = Exporter::start(&collector);
    exporter.observe(u32::try_from(QUEUE).unwrap());
    let tally = exporter.tally.clone();
    assert_eq!(exporter.end().await, Duration::ZERO);
    assert_eq!(collector.spans().len(), QUEUE);
    assert_eq!(collector.requests().len(), QUEUE / BATCH);
    assert_eq!(tally.figures(), (2_048, 0));
}

#[tokio::test(start_paused = true)]
async fn the_end_does_not_wait_for_a_collector_that_does_not_answer() {
    let (collector, mut arrivals) = Recorder::new([Reply::Never]);
    let exporter = Exporter::start(&collector);
    exporter.observe(600);
    arrivals.recv().await.unwrap();
    exporter.observe(100);
    let tally = exporter.tally.clone();
    assert_eq!(exporter.end().await, FLUSH);
    assert_eq!(tally.figures(), (0, 700), "every span is accounted for");
    assert_eq!(collector.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_end_cuts_a_wait_short_and_tries_once_more() {
    let (collector, mut arrivals) = Recorder::new([Reply::After(503, "20"), Reply::Down, Reply::Down]);
    let exporter = Exporter::start(&collector);
    exporter.observe(512);
    arrivals.recv().await.unwrap();
    exporter.observe(10);
    // Lets the exporter begin its wait.
    sleep(Duration::from_millis(1)).await;
    let tally = exporter.tally.clone();
    assert_eq!(exporter.end().await, Duration::ZERO);
    assert_eq!(collector.requests().len(), 3, "the batch in hand once more, the rest once");
    assert_eq!(tally.figures(), (0, 522));
}

#[tokio::test(start_paused = true)]
async fn an_owner_who_is_gone_ends_it_too() {
    let (collector, _) = Recorder::new([]);
    let mut exporter = Exporter::start(&collector);
    exporter.observe(1);
    drop(exporter.stop);
    exporter.running.join_next().await.unwrap().unwrap();
    assert_eq!(exporter.tally.figures(), (1, 0));
}
