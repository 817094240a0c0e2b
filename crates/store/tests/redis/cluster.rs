//! What servers of a cluster say, as far as a scripted server can say it.

use std::time::Duration;

use keyward_domain::ids::TenantId;
use keyward_domain::limit::{Limit, Meter, OnLoss};
use keyward_domain::port::Mark;
use keyward_store::redis::{Health, Why};

use super::node::{Node, TENANT, limit, patient, tokens};
use super::scripted::Scripted;

/// The limits' tag is in this part of the cluster.
const MOVED: &str = "MOVED 1 127.0.0.1:";

/// A call that is counted.
fn counted() -> String {
    let numbers: String = [1, 0, 0, 0, 0, 1, 1_000, 5].map(|number| format!(":{number}\r\n")).concat();
    format!("*9\r\n{numbers}$1\r\ne\r\n")
}

#[tokio::test]
async fn f32_moved_keys_are_asked_where_they_are_from_then_on() {
    let there = Scripted::saying(|_| counted()).await;
    let slot = slot_of_the_team();
    let moved = format!("-MOVED {slot} 127.0.0.1:{}\r\n", there.port);
    let here = Scripted::saying(move |_| moved.clone()).await;
    let node = Node::begin(patient(&here.url()), 1);
    node.until_healthy().await;
    for _ in 0..3 {
        let taken = node.take(&[limit(1, Meter::Requests, 10)], tokens(0, 0)).await.unwrap();
        assert!(matches!(taken.parts[0].mark, Mark::Shared { noted: 5, .. }));
        node.until_healthy().await;
    }
    assert_eq!((here.heard().len(), there.heard()), (1, vec!["EVALSHA".to_owned(); 3]));
}

#[tokio::test]
async fn f32_keys_on_their_way_are_asked_for_once_with_asking() {
    let there = Scripted::saying(|_| counted()).await;
    let ask = format!("-ASK {} 127.0.0.1:{}\r\n", slot_of_the_team(), there.port);
    let here = Scripted::saying(move |_| ask.clone()).await;
    let node = Node::begin(patient(&here.url()), 1);
    node.until_healthy().await;
    for _ in 0..2 {
        let _taken = node.take(&[limit(1, Meter::Requests, 10)], tokens(0, 0)).await.unwrap();
    }
    assert_eq!(here.heard().len(), 2, "nothing was learned");
    assert_eq!(there.heard(), ["ASKING", "EVALSHA", "ASKING", "EVALSHA"]);
}

#[tokio::test]
async fn f32_servers_that_send_each_other_round_are_left_after_one_redirect() {
    let there = Scripted::saying(|_| format!("-{MOVED}1\r\n")).await;
    let moved = format!("-{MOVED}{}\r\n", there.port);
    let here = Scripted::saying(move |_| moved.clone()).await;
    let node = Node::begin(patient(&here.url()), 1);
    node.until_healthy().await;
    let taken = node.take(&[limit(1, Meter::Requests, 10)], tokens(0, 0)).await.unwrap();
    assert!(matches!(taken.parts[0].mark, Mark::Here(_)), "this node's share");
    assert_eq!((here.heard().len(), there.heard().len()), (1, 1));
}

#[tokio::test]
async fn f32_a_part_of_the_cluster_that_is_down_is_counted_locally() {
    for error in
        ["CLUSTERDOWN The cluster is down", "TRYAGAIN Multiple keys request during rehashing of slot", "LOADING"]
    {
        let here = Scripted::saying(move |before| if before == 0 { format!("-{error}\r\n") } else { counted() }).await;
        let node = Node::begin(patient(&here.url()), 1);
        node.until_healthy().await;
        let limits = [limit(1, Meter::Requests, 10)];
        let local = node.take(&limits, tokens(0, 0)).await.unwrap();
        assert!(matches!(local.parts[0].mark, Mark::Here(_)), "{error}");
        let shared = node.take(&limits, tokens(0, 0)).await.unwrap();
        assert!(matches!(shared.parts[0].mark, Mark::Shared { .. }), "{error}: other parts go on");
        assert_eq!(node.counters.health(), Health::Healthy);
    }
}

#[tokio::test]
async fn f32_a_part_that_is_down_for_longer_rests_and_is_shown_and_tried_again() {
    let here = Scripted::saying(|before| if before < 6 { "-TRYAGAIN later\r\n".to_owned() } else { counted() }).await;
    let node = Node::begin(patient(&here.url()), 1);
    node.until_healthy().await;
    let limits = [Limit { on_loss: OnLoss::Open, ..limit(1, Meter::Requests, 10) }];
    for _ in 0..50 {
        let _local = node.take(&limits, tokens(0, 0)).await.unwrap();
    }
    assert_eq!(here.heard().len(), 5, "nobody waits for it any more");
    let Health::Degraded { why, .. } = node.counters.health() else { panic!("it is not well") };
    assert_eq!(why, Why::Refused("TRYAGAIN later".to_owned()));
    // A second later it is tried once, and once more a second after that.
    for asked in [6, 7] {
        while here.heard().len() < asked {
            let _taken = node.take(&limits, tokens(0, 0)).await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    node.until_healthy().await;
}

#[tokio::test]
async fn f36_a_server_that_talks_nonsense_is_left() {
    for nonsense in ["HTTP/1.1 400 Bad Request\r\n\r\n", "*1\r\n:1\r\n", "$5\r\nhello\r\n"] {
        let here = Scripted::saying(move |_| nonsense.to_owned()).await;
        let node = Node::begin(patient(&here.url()), 1);
        node.until_healthy().await;
        let taken = node.take(&[limit(1, Meter::Requests, 10)], tokens(0, 0)).await.unwrap();
        assert!(matches!(taken.parts[0].mark, Mark::Here(_)), "{nonsense}");
    }
}

fn slot_of_the_team() -> u16 {
    slot_of(TENANT)
}

/// CRC-16 of `t:` and the tenant, by the cluster specification.
pub fn slot_of(tenant: TenantId) -> u16 {
    let crc = format!("t:{tenant}").bytes().fold(0_u16, |crc, byte| {
        (0..8).fold(
            crc ^ (u16::from(byte) << 8),
            |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
            },
        )
    });
    crc % 16_384
}
