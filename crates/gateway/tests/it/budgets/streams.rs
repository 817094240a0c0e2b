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

/// A stream that may have as many tokens as its model gives: 16,384 of gpt-4o-mini.
fn of_at_most(max_tokens: u64) -> String {
    HUGE.replace("16000", &max_tokens.to_string())
}

/// How a stream of so many chunks ends. When nearly all of them were seen, at least so much is reserved.
fn streamed(house: &House, budget: &Budget, max_tokens: u64, chunks: u64, least: Nanodollars) -> AttemptOutcome {
    let nearly_all = Stall::AfterTokens(chunks - 1);
    house.provider.script(Fault::answer().answer_tokens(chunks).tokens_per_frame(10).stall(nearly_all));
    let mut client = house.client();
    client.send("POST", PATH, of_at_most(max_tokens).as_bytes());
    let reader = std::thread::spawn(move || client.head().finish());
    House::wait(house.provider.wait_for_stalled(1));
    house.until(|house| house.own_balance(budget).reserved >= least);
    assert!(house.own_balance(budget).reserved <= budget.amount);
    house.provider.release();
    let answer = reader.join().unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.complete && answer.text().ends_with("data: [DONE]\n\n"));
    house.settle();
    house.store_entries().pop().unwrap().outcome
}

#[test]
fn a_stream_whose_worst_case_fits_is_served_to_its_end() {
    for (max_tokens, hold) in [8_192, 8_193, 12_000, 20_000]
        .into_iter()
        .flat_map(|max| [HoldMode::Strict, HoldMode::Adaptive].map(|hold| (max, hold)))
    {
        let house = House::with_keys(1);
        // What the model gives at the most, at the dearest rate, and the prompt: a byte of each chunk is far more.
        let longest = i64::try_from(max_tokens.min(16_384_u64)).unwrap();
        let budget = Budget { hold, ..adaptive(longest * 1_000 + 100_000) };
        house.put_budget(&budget);
        let chunks = max_tokens.min(12_000);
        let outcome = streamed(&house, &budget, max_tokens, chunks, Nanodollars(longest * 1_000));
        assert_eq!(outcome, AttemptOutcome::Completed, "{max_tokens} {hold:?}");
        assert!(!house.metrics.render().contains("keyward_cut_short_total 1"));
    }
}

#[test]
fn a_stream_has_all_that_is_left_before_it_is_cut() {
    let house = House::with_keys(1);
    // The first piece, half of the next one, and no more.
    let budget = adaptive((4_096 + 2_048) * 1_000 + 100_000);
    house.put_budget(&budget);
    let endless = Fault::answer().answer_tokens(16_000).tokens_per_frame(10).stall(Stall::AfterTokens(8_000));
    house.provider.script(endless);
    let answer = house.client().post(PATH, HUGE);
    assert!(answer.complete && answer.text().contains("\"finish_reason\":\"length\""));
    house.settle();
    let entry = house.store_entries().pop().unwrap();
    assert_eq!(entry.outcome, AttemptOutcome::Cut);
    // Four bytes are estimated to be a token, and a fifth of what is held is for what is on its way.
    let seen = entry.usage.output * 4;
    assert!(seen * 10 >= 6_144 * 8, "{seen} bytes seen of 6,144 tokens");
    let balance = house.own_balance(&budget);
    assert!(balance.spent <= balance.limit, "{} of {}", balance.spent, balance.limit);
}

#[test]
fn a_small_stream_that_does_not_fit_is_held_like_a_large_one() {
    for (max_tokens, hold, status) in [
        (8_192, HoldMode::Adaptive, 200),
        (3_000, HoldMode::Adaptive, 200),
        (10_000, HoldMode::Adaptive, 200),
        (8_192, HoldMode::Strict, 402),
    ] {
        let house = House::with_keys(1);
        // Not enough for 3,000 tokens.
        let amount = if max_tokens == 3_000 { 2_500_000 } else { 5_000_000 };
        let budget = Budget { hold, ..adaptive(amount) };
        house.put_budget(&budget);
        house.provider.script(Fault::answer().answer_tokens(50));
        let answer = house.client().post(PATH, &of_at_most(max_tokens));
        assert_eq!(answer.status, status, "{max_tokens} {hold:?}: {}", answer.text());
        house.settle();
        let cut = house.provider.requests().first().and_then(|sent| sent.json()["max_tokens"].as_u64());
        assert!(cut.is_none_or(|cut| (cut < 3_000) == (max_tokens == 3_000)), "{max_tokens}: {cut:?}");
    }
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
