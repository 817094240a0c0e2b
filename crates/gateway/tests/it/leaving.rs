//! A77: clients leave at every stage of their calls, a thousand in all. Nothing stays held, and what was sent is charged for.

use std::time::Duration;

use keyward_domain::ledger::AttemptOutcome;
use keyward_domain::limit::Meter;
use keyward_domain::money::Nanodollars;
use keyward_domain::scope::{Reach, Scope};
use keyward_domain::virtual_key::Grant;
use keyward_limit::queue::Places;
use keyward_pool::Draw;
use keyward_testkit::provider::{Fault, Stall};

use crate::budgets::USD;
use crate::house::{CHAT, Client, House, PATH, streamed};
use crate::limits::{global, limit};

/// Chooses how far clients of each stage get.
const SEED: u64 = 77_2026;
const CLIENTS: usize = 1_000;
/// Clients that are there at once.
const CROWD: usize = 25;
/// Tokens of every answer.
const TOKENS: u64 = 8;
/// Nobody in line gets that far.
const PATIENCE: Duration = Duration::from_mins(1);

/// How far a call gets before its client leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Its body was not there yet.
    Unread,
    /// It stood in line: nothing was sent.
    InLine,
    /// It was sent, and nothing has come.
    NoByte,
    /// Something of the answer has come.
    Midway,
    /// All of the answer but its end has come.
    BeforeEnd,
}

const STAGES: [Stage; 5] = [Stage::Unread, Stage::InLine, Stage::NoByte, Stage::Midway, Stage::BeforeEnd];

impl Stage {
    /// Where the provider stands still.
    fn stall(self, draw: &mut Draw) -> Stall {
        match self {
            Self::Unread | Self::InLine | Self::NoByte => Stall::BeforeHeaders,
            Self::Midway => Stall::AfterTokens(1 + draw.below(TOKENS - 1)),
            Self::BeforeEnd => Stall::AfterTokens(TOKENS),
        }
    }

    const fn is_sent(self) -> bool {
        !matches!(self, Self::Unread | Self::InLine)
    }
}

/// A crowd comes, gets that far and leaves.
fn come_and_go(house: &House, stage: Stage, narrow: &str, draw: &mut Draw) {
    let body = if draw.below(2) == 0 && !matches!(stage, Stage::Midway | Stage::BeforeEnd) {
        CHAT.to_owned()
    } else {
        streamed(CHAT)
    };
    let fault = Fault::answer().answer_tokens(TOKENS).tokens_per_frame(1).stall(stage.stall(draw));
    house.provider.script(fault.always());
    let occupant = (stage == Stage::InLine).then(|| {
        let mut occupant = house.client_with(narrow);
        occupant.send("POST", PATH, CHAT.as_bytes());
        House::wait(house.provider.wait_for_stalled(1));
        occupant
    });
    let key = if stage == Stage::InLine { narrow } else { &*house.key };
    let mut crowd: Vec<Client> = (0..CROWD).map(|_| house.client_with(key)).collect();
    for client in &mut crowd {
        if stage == Stage::Unread {
            let head = format!(
                "POST {PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-length: 900\r\n\r\n{{"
            );
            client.raw(head.as_bytes());
        } else {
            client.send("POST", PATH, body.as_bytes());
        }
    }
    match stage {
        Stage::Unread => {}
        Stage::InLine => {
            let waiting = format!(r#"keyward_waiting{{want="limit"}} {CROWD}"#);
            house.until(|house| house.metrics.render().contains(&waiting));
        }
        Stage::NoByte | Stage::Midway | Stage::BeforeEnd => {
            House::wait(house.provider.wait_for_stalled(CROWD.try_into().unwrap()));
        }
    }
    drop(crowd);
    if stage == Stage::InLine {
        house.until(|house| house.metrics.render().contains(r#"keyward_waiting{want="limit"} 0"#));
    }
    drop(occupant);
    // Whoever reads what nobody wants any more is told that it may stop.
    house.until(|house| house.metrics.render().contains("keyward_client_connections 0"));
    house.provider.clear_script();
    house.provider.release();
    house.until(|house| house.provider.stalled() == 0);
}

#[test]
fn a77_a_thousand_clients_that_leave_keep_nothing() {
    let mut house = House::with_keys_and(4, |options| {
        (options.queue.wait, options.queue.places) = (PATIENCE, Places { all: 100, per_tenant: 100 });
    });
    let narrow = house.add_key("narrow", Grant::default());
    let (own, places) =
        (Reach::One(Scope::VirtualKey(house.virtual_key("narrow").id)), global(Meter::Concurrency, 100));
    house.put_limit(&places);
    house.put_limit(&limit(2, own, Meter::Concurrency, 1));
    let budget = house.put_global(1_000 * USD);
    let mut draw = Draw::seeded(SEED);
    let (mut sent, mut left) = (0, 0);
    while left < CLIENTS {
        let stage = STAGES[usize::try_from(draw.below(5)).unwrap()];
        come_and_go(&house, stage, &narrow, &mut draw);
        left += CROWD;
        // The one that stood before the line had been sent.
        sent += if stage.is_sent() { CROWD } else { usize::from(stage == Stage::InLine) };
    }
    house.clock.advance(Duration::from_secs(90));
    house.until(|house| house.counting.book.pending() == 0);
    let balance = house.own_balance(&budget);
    assert_eq!((balance.reserved, house.used_globally(&places)), (Nanodollars::ZERO, 0), "seed {SEED}");
    assert_eq!(house.provider.requests_total(), sent as u64, "seed {SEED}");
    let entries = house.entries();
    assert_eq!(entries.len(), sent, "seed {SEED}: one row for each call that was sent, and none for the others");
    for entry in &entries {
        assert_eq!(entry.outcome, AttemptOutcome::ClientGone, "seed {SEED}: {entry:?}");
        assert!(entry.cost.is_some_and(|cost| cost > Nanodollars::ZERO), "seed {SEED}: what was sent is charged for");
    }
    assert_eq!(balance.spent, entries.iter().filter_map(|entry| entry.cost).sum(), "seed {SEED}");
}
