//! M11: whatever goes wrong, there is one ledger line per attempt, and those that were completed equal the bill.

use std::collections::BTreeMap;
use std::time::Duration;

use keyward_domain::ids::RequestId;
use keyward_domain::ledger::AttemptOutcome;
use keyward_domain::routing::FallbackClass;
use keyward_pool::Draw;
use keyward_testkit::provider::{Close, Ended, Fault, VendorError};

use crate::house::{Answer, CHAT, House, PATH, chat_of, streamed};

const ROUNDS: u64 = 30;
const CLIENTS: u64 = 30;

fn faults() -> Vec<Fault> {
    vec![
        Fault::refuse(VendorError::Internal),
        Fault::refuse(VendorError::Overloaded),
        Fault::refuse(VendorError::RateLimited(None)),
        Fault::refuse(VendorError::RateLimited(Some(1))),
        Fault::refuse(VendorError::ContextTooLong),
        Fault::refuse(VendorError::BadRequest("no".to_owned(), None)),
        Fault::hang_up(Close::Fin),
        Fault::hang_up(Close::Reset),
        Fault::html(),
        Fault::answer().cut_at(30, Close::Fin),
        Fault::answer().cut_at(700, Close::Fin),
        Fault::answer().cut_at(700, Close::Reset),
        Fault::answer().error_after(0, VendorError::Overloaded),
        Fault::answer().error_after(3, VendorError::Internal),
    ]
}

/// Whole, or honest about why it is not.
fn assert_honest(answer: &Answer, is_streamed: bool, context: &str) {
    let text = answer.text();
    assert!(answer.complete, "{context}: {text}");
    if answer.status != 200 {
        assert!(answer.json()["error"]["message"].is_string(), "{context}: {text}");
    } else if !is_streamed {
        assert_eq!(answer.json()["object"], "chat.completion", "{context}: {text}");
    } else {
        let ends = [text.contains("data: [DONE]"), text.contains("\"error\"")];
        assert_eq!(ends.iter().filter(|end| **end).count(), 1, "{context}: {text}");
    }
}

#[test]
fn m11_under_random_faults_every_attempt_has_one_line_and_the_bill_is_met() {
    let seed = 11_2026;
    let mut draw = Draw::seeded(seed);
    let one = ["one-1", "one-2", "one-3", "one-4"];
    let mut house =
        House::with_providers(|_| {}, &[("one", &one), ("two", &["two-1", "two-2"]), ("three", &["three-1"])]);
    house.put_alias("best", &["one/gpt-4o-mini", "two/gpt-4o-mini"], |alias| {
        alias.fallback.insert(FallbackClass::ContextTooLong, vec!["three/gpt-4o".to_owned()]);
        alias.fallback.insert(FallbackClass::Any, vec!["three/gpt-4o-mini".to_owned()]);
    });
    let faults = faults();
    let mut served = 0;
    for round in 0..ROUNDS {
        house.clock.advance(Duration::from_millis(300));
        for _ in 0..draw.below(CLIENTS) {
            let fault = &faults[usize::try_from(draw.below(faults.len() as u64)).unwrap()];
            house.provider.script(fault.clone().skip(draw.below(4)));
        }
        let mut clients: Vec<_> = (0..CLIENTS).map(|_| (house.client(), draw.below(2) == 1)).collect();
        for (number, (client, is_streamed)) in clients.iter_mut().enumerate() {
            let body = chat_of("best").replace("Hello", &format!("Conversation {number} of {round}"));
            let body = if *is_streamed { streamed(&body) } else { body };
            client.send("POST", PATH, body.as_bytes());
        }
        for (client, is_streamed) in &mut clients {
            let answer = client.head().finish();
            assert_honest(&answer, *is_streamed, &format!("seed {seed}, round {round}"));
            served += u64::from(answer.status == 200);
        }
    }
    assert!(served > ROUNDS * CLIENTS / 2, "seed {seed}: only {served} were served");
    let upstream = house.provider.requests_total();
    let (bill, rows) = (house.provider.bill(), house.rows());
    let entries: Vec<_> = rows.iter().flat_map(|row| &row.attempts).collect();
    assert_eq!(entries.len() as u64, upstream, "seed {seed}: one line per upstream call");
    let mut numbers: BTreeMap<RequestId, Vec<u8>> = BTreeMap::new();
    for entry in &entries {
        numbers.entry(entry.subject.attempt.request).or_default().push(entry.subject.attempt.number);
    }
    for of_call in numbers.values_mut() {
        of_call.sort_unstable();
        let expected: Vec<u8> = (1..).take(of_call.len()).collect();
        assert!(*of_call == expected && of_call.len() <= 4, "seed {seed}: attempts {of_call:?}");
    }
    let mut billed: Vec<_> = bill
        .iter()
        .filter(|line| line.ended == Ended::Complete)
        .map(|line| (line.model.clone(), line.input(), line.output))
        .collect();
    let mut written: Vec<_> = entries
        .iter()
        .filter(|entry| entry.outcome == AttemptOutcome::Completed)
        .map(|entry| (entry.subject.model.to_string(), entry.usage.prompt_tokens(), entry.usage.completion_tokens()))
        .collect();
    billed.sort();
    written.sort();
    assert_eq!(written, billed, "seed {seed}");
    // What broke off in the middle may be billed: none of it is free.
    let cut = entries.iter().filter(|entry| entry.outcome == AttemptOutcome::Cut && entry.status == 200);
    assert!(cut.clone().count() > 0 && cut.into_iter().all(|entry| entry.cost.unwrap().0 > 0), "seed {seed}");
}

#[test]
fn m11_every_key_that_was_billed_is_named() {
    let mut house = House::with_keys(2);
    house.provider.script(Fault::answer().cut_at(700, Close::Fin).answer_tokens(60));
    let answer = house.client().post(PATH, &streamed(CHAT));
    assert!(answer.text().contains("upstream_error"));
    house.clock.advance(Duration::from_millis(1));
    assert_eq!(house.chat().status, 200);
    let bill = house.provider.bill();
    let entries = house.entries();
    let named: Vec<_> = entries.iter().map(|entry| entry.subject.credential_name.to_string()).collect();
    assert_eq!(named, bill.iter().map(|line| line.key.clone()).collect::<Vec<_>>());
    assert!(entries.iter().all(|entry| entry.usage.prompt_tokens() > 0 && entry.cost.unwrap().0 > 0));
}
