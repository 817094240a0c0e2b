//! Streams of which only the beginning is held: they go on while there is money, and end like answers that became too
//! long when there is none.

use keyward_domain::budget::{Budget, HoldMode};
use keyward_domain::ledger::AttemptOutcome;
use keyward_domain::money::Nanodollars;
use keyward_domain::scope::{Reach, Scope};
use keyward_testkit::provider::{Fault, Stall};

use super::{USD, budget};
use crate::house::{House, PATH};

const HUGE: &str =
    r#"{"model":"gpt-4o-mini","stream":true,"max_tokens":16000,"messages":[{"role":"user","content":"Tell me"}]}"#;

fn adaptive(amount: i64) -> Budget {
    Budget { hold: HoldMode::Adaptive, ..budget(1, Reach::One(Scope::Global), amount) }
}

#[test]
fn a78_many_agents_with_huge_caps_and_short_answers() {
    let house = House::with_keys(1);
    // Enough for the worst case of a dozen of them.
    let budget = adaptive(USD * 3 / 10);
    house.put_budget(&budget);
    house.provider.script(Fault::answer().answer_tokens(20).stall(Stall::AfterTokens(5)).always());
    let mut open: Vec<_> = (0..50).map(|_| house.client()).collect();
    for client in &mut open {
        client.send("POST", PATH, HUGE.as_bytes());
    }
    House::wait(house.provider.wait_for_stalled(50));
    let all_at_once = house.own_balance(&budget);
    assert!(all_at_once.reserved > Nanodollars::ZERO && all_at_once.reserved <= all_at_once.limit);
    let readers: Vec<_> =
        open.into_iter().map(|mut client| std::thread::spawn(move || client.head().finish())).collect();
    house.provider.clear_script();
    house.provider.release();
    for reader in readers {
        let answer = reader.join().unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.text().contains("\"finish_reason\":\"stop\""));
    }
    house.settle();
    let balance = house.own_balance(&budget);
    assert_eq!((balance.reserved, balance.spent), (Nanodollars::ZERO, house.ledger_sum()));
}

#[test]
fn a_long_stream_holds_more_as_it_grows() {
    let house = House::with_keys(1);
    let budget = adaptive(USD);
    house.put_budget(&budget);
    house.provider.script(Fault::answer().answer_tokens(9_000).tokens_per_frame(100));
    let answer = house.client().post(PATH, HUGE);
    assert_eq!(answer.status, 200);
    assert!(answer.complete && answer.text().ends_with("data: [DONE]\n\n"));
    house.settle();
    let entry = house.store_entries().pop().unwrap();
    assert_eq!((entry.outcome, entry.usage.completion_tokens()), (AttemptOutcome::Completed, 9_000));
    let balance = house.own_balance(&budget);
    assert_eq!((balance.reserved, Some(balance.spent)), (Nanodollars::ZERO, entry.cost));
}

#[test]
fn a_stream_ends_as_too_long_when_the_money_does() {
    let house = House::with_keys(1);
    // The first slice of 4,096 tokens at the dearest rate, the prompt, and not another slice.
    let budget = adaptive(5_000_000);
    house.put_budget(&budget);
    // It never gets to its own end, however much fits into what lies between.
    let endless = Fault::answer().answer_tokens(16_000).tokens_per_frame(10).stall(Stall::AfterTokens(8_000));
    house.provider.script(endless);
    let answer = house.client().post(PATH, HUGE);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.complete, "the stream ends properly");
    let text = answer.text();
    assert!(text.ends_with("data: [DONE]\n\n"), "{}", &text[text.len() - 300..]);
    assert!(text.contains("\"finish_reason\":\"length\""));
    House::wait(house.provider.wait_for_closed_early(1));
    house.settle();
    let entry = house.store_entries().pop().unwrap();
    assert_eq!(entry.outcome, AttemptOutcome::Cut);
    let balance = house.own_balance(&budget);
    assert!(balance.spent <= balance.limit, "{} of {}", balance.spent, balance.limit);
    assert_eq!((balance.reserved, Some(balance.spent)), (Nanodollars::ZERO, entry.cost));
    assert!(house.metrics.render().contains("keyward_cut_short_total 1"));
}
