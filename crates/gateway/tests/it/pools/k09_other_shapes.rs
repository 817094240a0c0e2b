//! K09 for answers that are no event streams, and for streams that are none: what reached the client is never continued
//! by somebody else, and half of it never passes for the whole.

use keyward_testkit::provider::{Close, Fault, Vendor};

use crate::house::{Answer, CHAT, House, PATH, chat_of, streamed};

fn house() -> House {
    let house = House::with_providers(|_| {}, &[("one", &["one-1"]), ("two", &["two-1"])]);
    for model in ["gpt-4o-mini", "gpt-4o-mini-tts"] {
        house.add_alias(&format!("best-{model}"), &[&format!("one/{model}"), &format!("two/{model}")]);
    }
    house
}

fn served_by(answer: &Answer) -> &str {
    answer.header("x-keyward-provider").unwrap()
}

#[test]
fn k09_a_long_json_answer_is_replaced_until_it_was_passed_on() {
    // The first 256 KiB are held back; what is longer than that streams.
    for (byte, is_replaced) in [(100, true), (200_000, true), (290_000, false), (390_000, false)] {
        let house = house();
        let long = || Fault::answer().answer_tokens(100_000);
        house.provider.script(long().cut_at(byte, Close::Fin).for_key("one-1"));
        house.provider.script(long().for_key("two-1").always());
        let answer = house.client().post(PATH, &chat_of("best-gpt-4o-mini"));
        if is_replaced {
            assert_eq!((answer.status, served_by(&answer), answer.complete), (200, "two", true), "{byte}");
            assert_eq!(answer.json()["object"], "chat.completion");
        } else {
            assert_eq!((answer.status, served_by(&answer), answer.complete), (200, "one", false), "{byte}");
            assert_eq!(house.calls_with("two-1"), 0, "{byte}: nobody else may go on with it");
            assert!(answer.body.len() as u64 <= byte, "{byte}");
        }
    }
}

#[test]
fn k09_sound_is_replaced_before_its_first_byte_and_cut_off_after_it() {
    let body = r#"{"model":"best-gpt-4o-mini-tts","input":"Hello there","voice":"alloy"}"#;
    let whole = house().client().post("/v1/audio/speech", body);
    assert_eq!((whole.status, whole.complete), (200, true), "{}", whole.text());
    for (byte, is_replaced) in [(0, true), (1, false), (whole.body.len() as u64 - 1, false)] {
        let house = house();
        house.provider.script(Fault::answer().cut_at(byte, Close::Fin).for_key("one-1"));
        let answer = house.client().post("/v1/audio/speech", body);
        if is_replaced {
            assert_eq!((served_by(&answer), answer.complete), ("two", true), "{byte}");
            assert!(answer.body == whole.body, "{byte}");
        } else {
            assert_eq!((served_by(&answer), answer.complete), ("one", false), "{byte}");
            assert!(whole.body.starts_with(&answer.body), "{byte}");
            assert_eq!(house.calls_with("two-1"), 0, "{byte}");
        }
    }
}

#[test]
fn k09_an_array_stream_is_replaced_before_content_and_cut_off_after_it() {
    let mut house = House::with_providers(|_| {}, &[]);
    house.add_vendor("one", Vendor::Gemini, &["one-1"]);
    house.add_vendor("two", Vendor::Gemini, &["two-1"]);
    house.add_alias("story", &["one/gemini-2.5-flash", "two/gemini-2.5-flash"]);
    house.key = house.add_key("reads", keyward_domain::virtual_key::Grant::default());
    house.provider.set_cache(false);
    let key = house.key.clone();
    let call = |fault: Fault| {
        house.forgive();
        house.provider.clear_script();
        house.provider.forget();
        house.provider.script(fault.for_key("one-1"));
        house.provider.script(Fault::answer().answer_tokens(6).for_key("two-1").always());
        let mut client = house.client().headers(&[("x-goog-api-key", &*key)]);
        let body = r#"{"contents":[{"role":"user","parts":[{"text":"Tell me a story"}]}]}"#;
        (client.post("/v1beta/models/story:streamGenerateContent", body), house.calls_with("two-1"))
    };
    let (whole, _) = call(Fault::answer().answer_tokens(6));
    assert!(whole.complete && whole.json().as_array().unwrap().len() > 3, "{}", whole.text());
    let mut seen = [0, 0];
    for byte in (0..whole.body.len()).step_by(11) {
        let (answer, others) = call(Fault::answer().answer_tokens(6).cut_at(byte as u64, Close::Fin));
        assert_eq!(answer.status, 200, "{byte}: {}", answer.text());
        if served_by(&answer) == "two" {
            assert!(answer.complete && answer.body == whole.body, "{byte}: {}", answer.text());
            seen[0] += 1;
        } else {
            assert!(!answer.complete && whole.body.starts_with(&answer.body), "{byte}: {}", answer.text());
            assert_eq!(others, 0, "{byte}");
            seen[1] += 1;
        }
    }
    assert!(seen[0] > 0 && seen[1] > 10, "{seen:?}");
}

#[test]
fn k09_a_stream_without_an_event_is_replaced() {
    for nothing in ["", "\n\n", ": nothing to see here\n\n", "data: {\"broken\":\n\n"] {
        let house = house();
        house.provider.script(Fault::status(200).body("text/event-stream", nothing).for_key("one-1"));
        let answer = house.client().post(PATH, &streamed(&chat_of("best-gpt-4o-mini")));
        assert_eq!((answer.status, served_by(&answer)), (200, "two"), "{nothing:?}: {}", answer.text());
        assert!(answer.text().contains("[DONE]"), "{nothing:?}: {}", answer.text());
    }
}

#[test]
fn k09_what_is_held_back_is_bounded() {
    // 70 KiB before any content are more than a gateway should keep for a client.
    let house = house();
    let noise = format!(": {}\n\n", "noise ".repeat(100)).repeat(120);
    let fault = Fault::answer().insert_after(0, noise.clone()).cut_at(noise.len() as u64 + 100, Close::Fin);
    house.provider.script(fault.for_key("one-1"));
    let answer = house.client().post(PATH, &streamed(&chat_of("best-gpt-4o-mini")));
    assert_eq!((answer.status, served_by(&answer)), (200, "one"), "{}", answer.text());
    assert!(answer.text().contains("upstream_error") && !answer.text().contains("[DONE]"));
    assert_eq!(house.calls_with("two-1"), 0);
}

#[test]
fn k09_a_client_that_leaves_before_content_stops_the_search() {
    use keyward_testkit::provider::Stall;
    let mut house = house();
    house.provider.script(Fault::answer().stall(Stall::BeforeHeaders).for_key("one-1"));
    let mut client = house.client();
    client.send("POST", PATH, CHAT.replace("gpt-4o-mini", "best-gpt-4o-mini").as_bytes());
    House::wait(house.provider.wait_for_stalled(1));
    drop(client);
    House::wait(house.provider.wait_for_stalled(0));
    assert_eq!(house.entries().len(), 1);
    assert_eq!(house.provider.requests_total(), 1, "nobody is asked for somebody who left");
}
