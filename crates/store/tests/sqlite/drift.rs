//! Differences that were put into the file by hand are found, named, and left alone.

use std::time::Duration;

use keyward_domain::ids::{ProviderId, TenantId};
use keyward_domain::ledger::{Figures, MAX_DRIFTS, ReconcileQuery, Reconciliation};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::Store;
use keyward_domain::scope::Scope;
use keyward_domain::time::Timestamp;
use keyward_store::sqlite::SqliteStore;
use rusqlite::Connection;

use super::open;
use crate::conformance::spend::attributed;
use crate::support::row::{COST, entry};
use crate::support::{Home, START};

/// Rows in an hour, with `sql` done to the file behind the store's back.
fn drifted(rows: u32, sql: &str) -> (Home, SqliteStore) {
    let home = Home::new();
    let store = open(&home.database()).unwrap();
    let rows: Vec<_> = (0..rows).map(|n| if n % 2 == 0 { attributed(n) } else { entry(n) }).collect();
    store.append(&rows, &[]).unwrap();
    let by_hand = Connection::open(home.database()).unwrap();
    by_hand.busy_timeout(Duration::from_secs(5)).unwrap();
    by_hand.execute_batch(sql).unwrap();
    (home, store)
}

fn touched(store: &SqliteStore) -> Reconciliation {
    let until = START.plus(Duration::from_hours(1));
    store.reconcile(&ReconcileQuery { since: START, until, everything: false }).unwrap()
}

fn everything(store: &SqliteStore) -> Reconciliation {
    let until = Timestamp::from_unix_millis(i64::MAX);
    store.reconcile(&ReconcileQuery { since: Timestamp::EPOCH, until, everything: true }).unwrap()
}

#[test]
fn a_seeded_difference_in_a_scope_is_found() {
    let (_home, store) = drifted(10, "UPDATE spend SET cost_nanodollars = cost_nanodollars + 7 WHERE kind = 2");
    for found in [touched(&store), everything(&store)] {
        let rows = Figures {
            attempts: 10,
            cost: Nanodollars(10 * COST.0),
            unpriced: 0,
            input_tokens: 1_200,
            output_tokens: 340,
        };
        assert_eq!((found.rows, found.drifts.len(), found.drift()), (10, 1, Nanodollars(7)));
        assert_eq!(found.drifts[0].scope, Some(Scope::Tenant(TenantId::DEFAULT)));
        assert_eq!(
            (found.drifts[0].rows, found.drifts[0].kept),
            (rows, Figures { cost: rows.cost + Nanodollars(7), ..rows })
        );
    }
    // It is still there: nothing is put right in silence.
    assert_eq!(touched(&store).drifts.len(), 1);
}

#[test]
fn a_lost_sum_a_lost_row_and_a_sum_of_nothing_are_found() {
    let (_home, store) = drifted(10, "DELETE FROM spend WHERE kind = 7");
    let scopes: Vec<_> = touched(&store).drifts.into_iter().filter_map(|drift| drift.scope).collect();
    let tag = |name: &str| Scope::Tag(TenantId::DEFAULT, name.into());
    assert_eq!(scopes.len(), 2);
    assert!(scopes.contains(&tag("batch")) && scopes.contains(&tag("nightly")), "{scopes:?}");

    let (_home, store) = drifted(10, "DELETE FROM entry WHERE at_ms % 10000 = 5000");
    let found = touched(&store);
    // Every scope that it touched, and the reports.
    assert_eq!((found.rows, found.drifts.len()), (9, 1 + entry(5).subject.scopes().len()));
    assert!(found.drifts.iter().all(|drift| drift.kept.attempts == drift.rows.attempts + 1));

    let (_home, store) = drifted(
        10,
        "INSERT INTO name (text) VALUES ('prv_00000000000000000000000077'); \
        INSERT INTO spend VALUES (8, last_insert_rowid(), 1994632, 1, 9, 0, 0, 0)",
    );
    assert_eq!(touched(&store).drifts, [], "no row of this range touches it");
    let found = everything(&store);
    assert_eq!((found.drifts.len(), found.drift()), (1, Nanodollars(9)));
    assert_eq!(found.drifts[0].scope.as_ref().map(Scope::kind), Some(Scope::Provider(ProviderId::from_bits(1)).kind()));
}

#[test]
fn a_seeded_difference_in_the_reports_is_found() {
    let (_home, store) = drifted(10, "UPDATE rollup SET output = output - 1, attempts = attempts + 1");
    let found = touched(&store);
    assert_eq!((found.drifts.len(), found.drifts[0].scope.clone()), (1, None));
    let drift = &found.drifts[0];
    assert!(drift.kept.attempts > drift.rows.attempts && drift.kept.output_tokens < drift.rows.output_tokens);
    assert_eq!(found.drift(), Nanodollars::ZERO, "money is not what differs");
}

#[test]
fn what_is_listed_has_a_limit() {
    let (_home, store) = drifted(
        0,
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 130) \
        INSERT INTO spend SELECT 6, i, 1994632, 1, 1, 0, 0, 0 FROM n",
    );
    let found = everything(&store);
    assert_eq!((found.drifts.len(), found.more_drifts), (MAX_DRIFTS, 30));
}

#[test]
fn rows_are_added_up_while_others_write_and_read() {
    let home = Home::new();
    let store = open(&home.database()).unwrap();
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            for n in 0..60 {
                store.append(&[attributed(2 * n), attributed(2 * n + 1)], &[]).unwrap();
            }
        });
        // One picture each time: what is appended meanwhile is in neither rows nor sums.
        while !writing.is_finished() {
            assert_eq!(touched(&store).drifts, []);
            assert_eq!(everything(&store).drifts, []);
        }
    });
    assert_eq!(everything(&store).rows, 120);
}
