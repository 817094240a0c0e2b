//! What a call says about itself, as far as its key may say so.

use keyward_domain::ids::{TeamId, UserId};
use keyward_domain::virtual_key::{Claims, Priority};

use crate::house::{CHAT, House, PATH, code};

fn house() -> House {
    let mut house = House::with_keys(1);
    house.key = house.add_key_with("app", |key| {
        key.tags = vec!["b".to_owned(), "a".to_owned()];
        key.team = Some(TeamId::from_bits(3));
        key.user = Some(UserId::from_bits(4));
        key.claims = Claims { end_user: true, tags: vec!["job-*".to_owned()], ..Claims::default() };
    });
    house
}

#[test]
fn a_row_says_whom_it_is_attributed_to() {
    let mut house = house();
    assert_eq!(house.client().post(PATH, CHAT).status, 200);
    house.clock.advance(std::time::Duration::from_millis(1));
    let mut client = house.client().header("x-keyward-tags", "job-7, a ,").header("x-keyward-end-user", "Ada L.");
    assert_eq!(client.post(PATH, CHAT).status, 200);
    let entries = house.entries();
    let [plain, claimed] = [0, 1].map(|at: usize| entries[at].subject.attributed.clone().unwrap());
    assert_eq!(
        (plain.team, plain.user, &plain.end_user),
        (Some(TeamId::from_bits(3)), Some(UserId::from_bits(4)), &None)
    );
    assert_eq!(plain.tags.iter().map(|tag| &**tag).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(claimed.end_user.as_deref(), Some("Ada L."));
    assert_eq!(claimed.tags.iter().map(|tag| &**tag).collect::<Vec<_>>(), ["a", "b", "job-7"]);
}

#[test]
fn what_a_key_may_not_say_is_refused() {
    let mut house = house();
    let refused = |house: &House, header: &str, value: &str, status: u16, wanted: &str| {
        let answer = house.client().header(header, value).post(PATH, CHAT);
        assert_eq!((answer.status, code(&answer)), (status, wanted.to_owned()), "{header}: {value}");
        assert!(answer.text().contains(header), "{}", answer.text());
    };
    refused(&house, "x-keyward-tags", "nightly", 403, "claim_not_allowed");
    refused(&house, "x-keyward-tags", &format!("job-{}", "x".repeat(200)), 400, "invalid_request");
    let many: Vec<String> = (0..17).map(|number| format!("job-{number}")).collect();
    refused(&house, "x-keyward-tags", &many.join(","), 400, "invalid_request");
    house.key = house.add_key_with("plain", |_| {});
    refused(&house, "x-keyward-end-user", "ada", 403, "claim_not_allowed");
    refused(&house, "x-keyward-tags", "a", 403, "claim_not_allowed");
    let twice = house.client().header("x-keyward-end-user", "a").header("x-keyward-end-user", "b").post(PATH, CHAT);
    assert_eq!((twice.status, code(&twice)), (400, "invalid_request".to_owned()));
    assert_eq!(house.provider.requests_total(), 0);
}

#[test]
fn a_call_is_no_more_urgent_than_its_key_allows() {
    let mut house = House::with_keys(1);
    let ask = |house: &House, word: &str| {
        let answer = house.client().header("x-keyward-priority", word).post(PATH, CHAT);
        (answer.status, if answer.status == 200 { String::new() } else { code(&answer) })
    };
    let served = (200, String::new());
    assert_eq!([ask(&house, "low"), ask(&house, "normal")], [served.clone(), served.clone()]);
    assert_eq!(ask(&house, "high"), (403, "claim_not_allowed".to_owned()));
    assert_eq!(ask(&house, "urgent"), (400, "invalid_request".to_owned()));
    house.key = house.add_key_with("urgent", |key| key.claims.priority = Priority::High);
    assert_eq!(ask(&house, "high"), served);
    house.key = house.add_key_with("batch", |key| key.claims.priority = Priority::Low);
    assert_eq!(ask(&house, "normal"), (403, "claim_not_allowed".to_owned()));
    assert_eq!(house.chat().status, 200, "who says nothing is as urgent as the key allows");
}
