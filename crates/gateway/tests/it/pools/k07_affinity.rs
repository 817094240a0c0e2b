//! K07: conversations stay where their prefixes are cached; the scripted provider keeps one cache per key.

use std::collections::{BTreeMap, BTreeSet};

use crate::house::{House, PATH};

const CONVERSATIONS: usize = 100;
const TURNS: usize = 10;

/// What a conversation sends in this turn: all that was said before, and a new question.
fn turn(conversation: usize, turn: usize) -> String {
    let mut messages =
        vec![message("system", &format!("You help customer {conversation}. {}", "Be brief. ".repeat(60)))];
    for past in 0..=turn {
        messages.push(message("user", &format!("Question {past} of {conversation}: {}", "what then? ".repeat(12))));
        if past < turn {
            messages.push(message("assistant", &format!("Answer {past}: {}", "just so. ".repeat(12))));
        }
    }
    format!(r#"{{"model":"gpt-4o-mini","max_tokens":8,"messages":[{}]}}"#, messages.join(","))
}

fn message(role: &str, text: &str) -> String {
    format!(r#"{{"role":"{role}","content":"{text}"}}"#)
}

/// Has all conversations, turn by turn, and returns which keys each of them met.
fn talk(house: &House, turns: std::ops::Range<usize>) -> BTreeMap<usize, BTreeSet<String>> {
    let mut client = house.client();
    let mut met: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for number in turns {
        for conversation in 0..CONVERSATIONS {
            let answer = client.post(PATH, &turn(conversation, number));
            assert_eq!(answer.status, 200, "{}", answer.text());
            met.entry(conversation).or_default().insert(answer.header("x-keyward-key").unwrap().to_owned());
        }
    }
    met
}

/// Cached tokens of the prompts, in thousandths.
fn hit_rate(house: &House) -> u64 {
    let bill = house.provider.bill();
    let (read, all) = bill.iter().fold((0, 0), |(read, all), line| (read + line.cache_read, all + line.input()));
    read * 1000 / all
}

#[test]
fn k07_ten_keys_hit_the_cache_as_one_does() {
    let one = House::with_keys(1);
    talk(&one, 0..TURNS);
    let ten = House::with_keys(10);
    let met = talk(&ten, 0..TURNS);
    let (alone, spread) = (hit_rate(&one), hit_rate(&ten));
    assert!(alone > 500, "the test would say nothing: {alone}");
    assert!(spread * 100 >= alone * 95, "{spread} of {alone}");
    assert!(met.values().all(|keys| keys.len() == 1), "every conversation has one home");
    let calls = ten.calls();
    let fair = CONVERSATIONS * TURNS / 10;
    assert_eq!(calls.len(), 10, "{calls:?}");
    assert!(calls.values().all(|calls| *calls <= fair * 2), "nobody has more than twice its share: {calls:?}");
}

#[test]
fn k07_when_a_key_goes_only_its_conversations_move() {
    let house = House::with_keys(10);
    let before = talk(&house, 0..1);
    let gone = before[&0].first().unwrap().clone();
    house.disable(&gone);
    let after = talk(&house, 1..3);
    let mut moved = BTreeSet::new();
    for (conversation, homes) in &before {
        if homes.contains(&gone) {
            assert!(!after[conversation].contains(&gone));
            moved.extend(after[conversation].iter().cloned());
        } else {
            assert_eq!(&after[conversation], homes, "conversation {conversation} had no reason to move");
        }
    }
    assert!(moved.len() > 1, "those that moved are spread: {moved:?}");
}

#[test]
fn k07_an_explicit_session_goes_before_what_is_said() {
    let house = House::with_keys(10);
    let home = |session: &str| {
        let mut client = house.client().header("x-keyward-session", session);
        let met: BTreeSet<_> = (0..10)
            .map(|conversation| client.post(PATH, &turn(conversation, 0)).header("x-keyward-key").unwrap().to_owned())
            .collect();
        assert_eq!(met.len(), 1, "{session}: {met:?}");
        met.into_iter().next().unwrap()
    };
    let homes: BTreeSet<_> = (0..20).map(|session| home(&format!("session-{session}"))).collect();
    assert!(homes.len() > 4, "sessions are spread: {homes:?}");
    // The header is between the client and Keyward.
    assert!(house.provider.requests().iter().all(|record| record.header("x-keyward-session").is_none()));
}

#[test]
fn k07_a_prompt_cache_key_keeps_together_what_begins_differently() {
    let house = House::with_keys(10);
    let mut homes = BTreeSet::new();
    for cache_key in 0..20 {
        let mut client = house.client();
        let met: BTreeSet<_> = (0..5)
            .map(|conversation| {
                let body = turn(conversation, 0).replacen('{', &format!(r#"{{"prompt_cache_key":"k{cache_key}","#), 1);
                client.post(PATH, &body).header("x-keyward-key").unwrap().to_owned()
            })
            .collect();
        assert_eq!(met.len(), 1, "k{cache_key}: {met:?}");
        homes.extend(met);
    }
    assert!(homes.len() > 4, "{homes:?}");
    assert!(house.provider.requests()[0].json()["prompt_cache_key"] == "k0", "and the provider sees it");
}

#[test]
fn k07_every_dialect_has_conversations() {
    use keyward_testkit::provider::Vendor;
    let house = House::with_keys(1);
    let anthropic: Vec<String> = (0..6).map(|number| format!("ant-{number}")).collect();
    let gemini: Vec<String> = (0..6).map(|number| format!("gem-{number}")).collect();
    house.add_vendor("anthropic", Vendor::Anthropic, &anthropic.iter().map(String::as_str).collect::<Vec<_>>());
    house.add_vendor("gemini", Vendor::Gemini, &gemini.iter().map(String::as_str).collect::<Vec<_>>());
    house.publish();
    let key = house.key.clone();
    let mut client = house.client().headers(&[("x-api-key", &*key), ("anthropic-version", "2023-06-01")]);
    let mut homes = BTreeSet::new();
    for conversation in 0..12 {
        let messages = format!(
            r#"{{"model":"claude-haiku-4-5","max_tokens":8,"system":"Customer {conversation}","messages":[{}MORE]}}"#,
            message("user", "Hello")
        );
        let contents = format!(
            r#"{{"contents":[{{"role":"user","parts":[{{"text":"Customer {conversation}"}}]}}MORE],"generationConfig":{{"maxOutputTokens":8}}}}"#
        );
        let more = [
            format!(",{},{}", message("assistant", "Yes?"), message("user", "Go on")),
            r#",{"role":"model","parts":[{"text":"Yes?"}]},{"role":"user","parts":[{"text":"Go on"}]}"#.to_owned(),
        ];
        let calls = [
            ("/v1/messages", messages, &more[0]),
            ("/v1beta/models/gemini-2.5-flash:generateContent", contents, &more[1]),
        ];
        for (path, body, more) in calls {
            let met: BTreeSet<_> = ["", more]
                .iter()
                .map(|more| {
                    let answer = client.post(path, &body.replace("MORE", more));
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    answer.header("x-keyward-key").unwrap().to_owned()
                })
                .collect();
            assert_eq!(met.len(), 1, "{path}: {met:?}");
            homes.extend(met);
        }
    }
    assert!(homes.len() > 6, "conversations are spread: {homes:?}");
}
