//! What is put together is there together, and what was forgotten for its number is gone.

use keyward_domain::lease::LeaseState;
use keyward_domain::port::{MAX_BINDINGS, MAX_KEY_EVENTS, Store};
use keyward_domain::standing::{KeyEventFilter, Standing};
use keyward_domain::time::Timestamp;
use rusqlite::Connection;

use super::open;
use crate::support::Home;
use crate::support::pool::{at, binding, cooling, event, lease, over};
use crate::support::record::audit;

const ALL: KeyEventFilter = KeyEventFilter { credential: None, before: None, since: None, limit: 100 };

/// Makes inserts into a table fail where the condition holds, as a full disk would.
fn break_inserts(home: &Home, table: &str, condition: &str) {
    let trigger = format!(
        "CREATE TRIGGER broken BEFORE INSERT ON {table} WHEN {condition} BEGIN SELECT RAISE(ABORT, 'broken'); END"
    );
    Connection::open(home.database()).unwrap().execute_batch(&trigger).unwrap();
}

fn mend(home: &Home) {
    Connection::open(home.database()).unwrap().execute_batch("DROP TRIGGER broken").unwrap();
}

#[test]
fn a_batch_of_events_is_put_as_a_whole_or_not_at_all() {
    let home = Home::new();
    let store = open(&home.database()).unwrap();
    store.put_standings(&[event(1, 2, None, cooling(9))]).unwrap();
    let batch = [
        event(2, 2, None, Standing::Active),
        event(3, 3, None, Standing::Suspect),
        event(4, 4, Some("o3"), Standing::Suspect),
    ];
    break_inserts(&home, "key_standing", "NEW.model = 'o3'");
    let refused = store.put_standings(&batch).unwrap_err();
    assert!(refused.to_string().contains("broken"), "{refused}");
    assert_eq!(store.standings().unwrap(), [event(1, 2, None, cooling(9)).now]);
    assert_eq!(store.key_events(&ALL).unwrap().len(), 1);
    mend(&home);
    store.put_standings(&batch).unwrap();
    assert_eq!(store.standings().unwrap(), [batch[1].now.clone(), batch[2].now.clone()]);
    // The batch that was taken back left no gap.
    let positions: Vec<u64> = store.key_events(&ALL).unwrap().into_iter().map(|(position, _)| position).collect();
    assert_eq!(positions, [4, 3, 2, 1]);
}

#[test]
fn a_batch_of_bindings_is_put_as_a_whole_or_not_at_all() {
    let home = Home::new();
    let store = open(&home.database()).unwrap();
    let batch = [binding(1, 2, 1), binding(2, 2, 2), binding(3, 2, 3)];
    break_inserts(&home, "binding", "NEW.at_ms = (SELECT max(at_ms) + 1000 FROM binding)");
    store.put_bindings(&batch[..1]).unwrap();
    store.put_bindings(&batch[1..]).unwrap_err();
    assert_eq!(store.bindings(10).unwrap(), [batch[0]]);
    mend(&home);
    store.put_bindings(&batch).unwrap();
    assert_eq!(store.bindings(10).unwrap(), [batch[2], batch[1], batch[0]]);
}

#[test]
fn a_lease_and_its_audit_entry_are_put_both_or_neither() {
    let home = Home::new();
    let store = open(&home.database()).unwrap();
    break_inserts(&home, "audit", "true");
    store.put_lease(&lease(1), Some(&audit(1))).unwrap_err();
    assert_eq!((store.lease(lease(1).id).unwrap(), store.open_leases().unwrap().len()), (None, 0));
    mend(&home);
    store.put_lease(&lease(1), Some(&audit(1))).unwrap();

    let ended = over(&lease(1), LeaseState::Reported, "it ended");
    break_inserts(&home, "audit", "true");
    store.put_lease(&ended, Some(&audit(2))).unwrap_err();
    assert_eq!((store.lease(ended.id).unwrap(), store.open_leases().unwrap().len()), (Some(lease(1)), 1));
    mend(&home);
    store.put_lease(&ended, Some(&audit(2))).unwrap();
    assert_eq!((store.lease(ended.id).unwrap(), store.audit(None, 10).unwrap().len()), (Some(ended), 2));
}

#[test]
fn what_was_learned_is_there_after_reopening() {
    let home = Home::new();
    let store = open(&home.database()).unwrap();
    let events = [event(1, 2, None, cooling(9)), event(2, 3, Some("o3"), Standing::Exhausted { until: None })];
    store.put_standings(&events).unwrap();
    store.put_bindings(&[binding(1, 2, 1)]).unwrap();
    store.put_lease(&lease(1), None).unwrap();
    drop(store);
    let store = open(&home.database()).unwrap();
    assert_eq!(store.standings().unwrap(), events.each_ref().map(|event| event.now.clone()));
    assert_eq!(store.bindings(10).unwrap(), [binding(1, 2, 1)]);
    assert_eq!(store.open_leases().unwrap(), [lease(1)]);
    // A position that was forgotten before the end is not given again after it.
    store.forget_key_events(at(100)).unwrap();
    drop(store);
    let store = open(&home.database()).unwrap();
    store.put_standings(&events[..1]).unwrap();
    assert_eq!(store.key_events(&ALL).unwrap()[0].0, 3);
}

#[test]
fn events_have_a_limit() {
    let home = Home::new();
    let store = open(&home.database()).unwrap();
    store.put_standings(&[event(1, 2, None, cooling(9)), event(2, 2, None, Standing::Active)]).unwrap();
    // As if this many had come since; a million rows would take long.
    let moved = format!("UPDATE sqlite_sequence SET seq = {MAX_KEY_EVENTS} WHERE name = 'key_event'");
    Connection::open(home.database()).unwrap().execute_batch(&moved).unwrap();
    store.put_standings(&[event(3, 2, None, Standing::Suspect)]).unwrap();
    store.forget_key_events(at(0)).unwrap();
    let positions: Vec<u64> = store.key_events(&ALL).unwrap().into_iter().map(|(position, _)| position).collect();
    assert_eq!(positions, [u64::from(MAX_KEY_EVENTS) + 1, 2]);
}

#[test]
fn bindings_beyond_the_limit_leave_the_file() {
    let home = Home::new();
    let store = open(&home.database()).unwrap();
    let other = Connection::open(home.database()).unwrap();
    let fill = format!(
        "INSERT INTO binding WITH RECURSIVE row (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM row LIMIT {}) \
         SELECT CAST(format('%016d', n) AS BLOB), CAST(format('%016d', n) AS BLOB), n / 2 FROM row",
        MAX_BINDINGS + 2
    );
    other.execute_batch(&fill).unwrap();
    store.forget_bindings(Timestamp::EPOCH).unwrap();
    let count_and_oldest = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let kept: (u32, String) =
        other.query_row("SELECT count(*), CAST(min(hash) AS TEXT) FROM binding", [], count_and_oldest).unwrap();
    assert_eq!(kept, (MAX_BINDINGS, "0000000000000003".to_owned()));
}

#[test]
fn a_damaged_standing_is_named() {
    let home = Home::new();
    let store = open(&home.database()).unwrap();
    store.put_standings(&[event(1, 2, None, cooling(9))]).unwrap();
    Connection::open(home.database()).unwrap().execute("UPDATE key_standing SET body = '{'", []).unwrap();
    let refused = store.standings().unwrap_err().to_string();
    assert!(refused.contains("damaged") && refused.contains("the standing of a provider key"), "{refused}");
}
