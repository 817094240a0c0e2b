//! M04: whatever becomes of a call, afterwards nothing is reserved and what was spent is what the ledger says.

use keyward_domain::money::Nanodollars;
use keyward_testkit::provider::{Close, Fault, Stall, VendorError};

use super::USD;
use crate::house::{CHAT, House, PATH, streamed};

/// Nothing is reserved, and the budget has spent the sum of the rows.
fn adds_up(house: &House, budget: &keyward_domain::budget::Budget, what: &str) {
    house.settle();
    let balance = house.own_balance(budget);
    assert_eq!(balance.reserved, Nanodollars::ZERO, "{what}");
    assert_eq!(balance.spent, house.ledger_sum(), "{what}");
    assert_eq!(house.counting.book.pending(), 0, "{what}");
}

type Make = fn() -> Fault;

#[test]
fn m04_whatever_the_provider_does() {
    let faults: [(&str, Make); 9] = [
        ("success", Fault::answer),
        ("400", || Fault::refuse(VendorError::ContextTooLong)),
        ("401", || Fault::refuse(VendorError::InvalidKey)),
        ("429", || Fault::refuse(VendorError::RateLimited(None))),
        ("500", || Fault::refuse(VendorError::Internal)),
        ("cut at once", || Fault::hang_up(Close::Fin)),
        ("reset", || Fault::hang_up(Close::Reset)),
        ("cut in the middle", || Fault::answer().answer_tokens(20).cut_at(300, Close::Reset)),
        ("an error in the stream", || Fault::answer().error_after(2, VendorError::Overloaded)),
    ];
    for (name, fault) in faults {
        for stream in [false, true] {
            let house = House::with_keys(2);
            let budget = house.put_global(10 * USD);
            house.provider.script(fault());
            let body = if stream { streamed(CHAT) } else { CHAT.to_owned() };
            let answer = house.client().post(PATH, &body);
            adds_up(&house, &budget, &format!("{name}, stream {stream}, status {}", answer.status));
        }
    }
}

#[test]
fn m04_whenever_the_client_leaves() {
    let stalls = [Stall::BeforeHeaders, Stall::BeforeFirstToken, Stall::AfterTokens(3)];
    for stall in stalls {
        for stream in [false, true] {
            if !stream && stall != Stall::BeforeHeaders {
                // Such an answer comes in one piece.
                continue;
            }
            let house = House::with_keys(1);
            let budget = house.put_global(10 * USD);
            house.provider.script(Fault::answer().answer_tokens(8).tokens_per_frame(1).stall(stall));
            let body = if stream { streamed(CHAT) } else { CHAT.to_owned() };
            let mut client = house.client();
            client.send("POST", PATH, body.as_bytes());
            House::wait(house.provider.wait_for_stalled(1));
            assert!(house.own_balance(&budget).reserved > Nanodollars::ZERO);
            drop(client);
            House::wait(house.provider.wait_for_closed_early(1));
            adds_up(&house, &budget, &format!("{stall:?}, stream {stream}"));
        }
    }
}

#[test]
fn m04_fallbacks_and_retries_hold_once_each() {
    let house = House::with_providers(|_| {}, &[("openai", &["one"]), ("spare", &["two"])]);
    house.add_alias("fast", &["openai/gpt-4o-mini", "spare/gpt-4o-mini"]);
    let budget = house.put_global(10 * USD);
    house.provider.script(Fault::refuse(VendorError::Internal));
    let answer = house.chat_with("fast");
    assert_eq!((answer.status, answer.header("x-keyward-attempts")), (200, Some("2")), "{}", answer.text());
    adds_up(&house, &budget, "a fallback");
    assert_eq!(house.store_entries().len(), 2);
}

#[test]
fn m04_a_process_that_dies_leaves_rows_that_count() {
    let mut house = House::with_keys(1);
    let budget = house.put_global(10 * USD);
    assert_eq!(house.chat().status, 200);
    house.settle();
    let before = house.own_balance(&budget).spent;
    // What another process knows: the rows, and nothing else.
    house.reopen_book();
    house.publish();
    assert_eq!(house.own_balance(&budget).spent, before);
    assert!(before > Nanodollars::ZERO);
}
