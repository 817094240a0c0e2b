//! Log lines about dropped spans: what they say and how often they come.

use std::time::Duration;

use crate::telemetry::tally::{Complaints, Loss, REPORT_EVERY, Tally};

fn loss(spans: u64, why: &str) -> Loss {
    Loss { spans, why: why.to_owned() }
}

#[test]
fn one_line_a_minute_tells_of_all_that_was_dropped() {
    let tally = Tally::default();
    let mut complaints = Complaints::about(tally.clone());
    let start = Duration::from_secs(5);
    assert_eq!(complaints.due(start), None, "nothing happened");

    tally.dropped(3);
    complaints.note("could not connect".to_owned());
    assert!(complaints.waiting());
    assert_eq!(complaints.due(start), Some(loss(3, "could not connect")), "the first one is told at once");
    assert!(!complaints.waiting());

    tally.dropped(4);
    assert_eq!(complaints.due(start + REPORT_EVERY / 2), None);
    tally.dropped(5);
    assert_eq!(complaints.due(start + REPORT_EVERY), Some(loss(9, "more spans came than the collector took")));
    assert_eq!(complaints.due(start + REPORT_EVERY * 5), None, "everything was told");
}

#[test]
fn the_last_line_does_not_wait() {
    let tally = Tally::default();
    let mut complaints = Complaints::about(tally.clone());
    tally.dropped(1);
    assert!(complaints.due(Duration::ZERO).is_some());
    tally.dropped(2);
    complaints.note("refused".to_owned());
    assert_eq!(complaints.due(Duration::from_secs(1)), None);
    assert_eq!(complaints.rest(Duration::from_secs(1)), Some(loss(2, "refused")));
    assert_eq!(complaints.rest(Duration::from_secs(1)), None);
}
