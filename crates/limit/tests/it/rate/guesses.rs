//! Who tries keys that are not valid is slowed down, and nobody else.

use std::net::IpAddr;
use std::time::Duration;

use keyward_limit::rate::{Guesses, MAX_NETWORKS};

fn v4(n: u32) -> IpAddr {
    IpAddr::V4(n.into())
}

fn tolerated(guesses: &Guesses, from: IpAddr, now: Duration) -> usize {
    (0..10_000).filter(|_| guesses.failed(from, now).is_ok()).count()
}

#[test]
fn a11_a_burst_then_one_every_other_second() {
    let guesses = Guesses::default();
    let from = v4(0x7F00_0001);
    assert_eq!(tolerated(&guesses, from, Duration::from_secs(100)), 30);
    assert_eq!(guesses.failed(from, Duration::from_secs(100)), Err(Duration::from_secs(2)));
    assert_eq!(guesses.failed(from, Duration::from_millis(101_500)), Err(Duration::from_millis(500)));
    assert_eq!(tolerated(&guesses, from, Duration::from_secs(102)), 1);
    assert_eq!(tolerated(&guesses, from, Duration::from_secs(112)), 5);
    assert_eq!(tolerated(&guesses, v4(0x7F00_0002), Duration::from_secs(112)), 30, "others are not held up");
    assert_eq!(tolerated(&guesses, from, Duration::from_secs(1_000)), 30, "after a while all is forgotten");
}

#[test]
fn a11_an_ipv6_network_is_one_and_a_mapped_address_is_what_it_maps() {
    let guesses = Guesses::default();
    let from = |text: &str| tolerated(&guesses, text.parse().unwrap(), Duration::from_secs(1));
    assert_eq!((from("2001:db8:1:2::1"), from("2001:db8:1:2:ffff::9")), (30, 0));
    assert_eq!(from("2001:db8:1:3::1"), 30);
    assert_eq!((from("192.0.2.7"), from("::ffff:192.0.2.7")), (30, 0));
}

#[test]
fn a11_what_is_remembered_is_bounded_and_those_who_failed_most_stay() {
    let guesses = Guesses::default();
    let worst = v4(1);
    assert_eq!(tolerated(&guesses, worst, Duration::ZERO), 30);
    let at = |n: u32| Duration::from_secs(1) + Duration::from_nanos(n.into());
    let (mut remembered, mut made_room) = (1, 0);
    for n in 2..200_000 {
        guesses.failed(v4(n), at(n)).unwrap();
        let before = std::mem::replace(&mut remembered, guesses.remembered());
        if remembered != before + 1 {
            // One of sixteen parts was full: half of it went.
            assert!((2_000..2_100).contains(&(before - remembered)), "{before} {remembered}");
            made_room += 1;
        }
    }
    assert!((MAX_NETWORKS / 2..=MAX_NETWORKS).contains(&remembered) && made_room > 16, "{remembered} {made_room}");
    assert!(guesses.failed(worst, at(200_000)).is_err());
}
