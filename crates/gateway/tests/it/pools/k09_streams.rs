//! K09: a stream may go wrong at any byte. Before its first content nobody hears of it; after it the client has the exact
//! prefix and its dialect's own error event, and nothing twice.

use std::time::Duration;

use keyward_gateway::Options;
use keyward_testkit::provider::{Close, Fault, Stall, VendorError};

use crate::house::{Answer, Client, House, Surface, events, whole_until};

const TOKENS: u64 = 4;

/// Two providers behind one name; the first is asked first. Both would say the same.
struct Pair {
    house: House,
    surface: Surface,
    client: Client,
    whole: Vec<u8>,
    /// Where the first content ends.
    first: usize,
}

fn story() -> Fault {
    Fault::answer().answer_tokens(TOKENS).tokens_per_frame(1)
}

impl Pair {
    fn of(surface: Surface, change: impl FnOnce(&mut Options)) -> Self {
        let mut house = House::with_providers(change, &[]);
        house.add_vendor("one", surface.vendor(), &["one-1"]);
        house.add_vendor("two", surface.vendor(), &["two-1"]);
        let [model, _] = surface.models();
        house.add_alias("story", &[&format!("one/{model}"), &format!("two/{model}")]);
        house.key = house.add_key("reads", keyward_domain::virtual_key::Grant::default());
        house.provider.set_cache(false);
        let client = surface.client(&house);
        let mut pair = Self { house, surface, client, whole: Vec::new(), first: 0 };
        let answer = pair.meet(story());
        assert_eq!((answer.status, pair.served_by()), (200, vec!["one-1"]), "{}", answer.text());
        assert!(surface.ends_well(&answer.text()), "{}", answer.text());
        pair.whole = answer.body;
        pair.first = surface.first_content(&pair.whole);
        pair
    }

    /// One call in which the first provider does this, with nothing left of what was before.
    fn meet(&mut self, fault: Fault) -> Answer {
        self.house.forgive();
        self.house.provider.forget();
        self.house.provider.clear_script();
        self.house.provider.script(fault.for_key("one-1"));
        self.house.provider.script(story().for_key("two-1").always());
        let answer = self.client.post(&self.surface.path("story"), &self.surface.body("story"));
        assert!(answer.complete, "the connection lives on");
        answer
    }

    fn served_by(&self) -> Vec<&'static str> {
        let calls = self.house.calls();
        let known = ["one-1", "two-1"];
        assert!(calls.values().all(|calls| *calls == 1), "nobody is asked twice: {calls:?}");
        known.into_iter().filter(|key| calls.contains_key(*key)).collect()
    }

    /// The first provider failed and the client never hears of it.
    fn assert_clean_failover(&self, answer: &Answer, at: &str) {
        assert_eq!(answer.status, 200, "{at}: {}", answer.text());
        assert_eq!(self.served_by(), ["one-1", "two-1"], "{at}");
        assert_eq!(answer.header("x-keyward-attempts"), Some("2"), "{at}");
        assert_eq!(answer.header("x-keyward-provider"), Some("two"), "{at}");
        assert!(answer.body == self.whole, "{at}: one clean stream, not {}", answer.text());
    }

    /// The client has the first `byte` bytes as far as their events are whole, and then an error with this code.
    fn assert_honest_end(&self, answer: &Answer, byte: usize, code: &str, at: &str) {
        assert_eq!(answer.status, 200, "{at}");
        assert_eq!(self.served_by(), ["one-1"], "{at}: nobody else is asked");
        let prefix = whole_until(&self.whole, byte);
        let (begin, end) = answer.body.split_at_checked(prefix).unwrap_or((&answer.body, &[]));
        assert!(begin == &self.whole[..prefix], "{at}: not the exact prefix: {}", answer.text());
        let end = String::from_utf8_lossy(end);
        assert_eq!(self.surface.error_code(&end).as_deref(), Some(code), "{at}: {end}");
        assert!(!self.surface.ends_well(&end), "{at}: {end}");
    }
}

fn cut_at_every_byte(surface: Surface, close: Close, step: usize) {
    let mut pair = Pair::of(surface, |_| {});
    assert!(pair.whole.len() > 400, "{surface:?}: too short to say anything");
    for byte in (0..pair.whole.len()).step_by(step) {
        let answer = pair.meet(story().cut_at(byte as u64, close));
        let at = format!("{surface:?} cut at {byte} of {}, content ends at {}", pair.whole.len(), pair.first);
        if byte < pair.first {
            pair.assert_clean_failover(&answer, &at);
        } else {
            pair.assert_honest_end(&answer, byte, "upstream_error", &at);
        }
    }
}

#[test]
fn k09_chat_closed_at_every_byte() {
    cut_at_every_byte(Surface::Chat, Close::Fin, 1);
}

#[test]
fn k09_responses_closed_at_every_byte() {
    cut_at_every_byte(Surface::Responses, Close::Fin, 1);
}

#[test]
fn k09_messages_closed_at_every_byte() {
    cut_at_every_byte(Surface::Messages, Close::Fin, 1);
}

#[test]
fn k09_gemini_closed_at_every_byte() {
    cut_at_every_byte(Surface::Gemini, Close::Fin, 1);
}

#[test]
fn k09_f52_reset_in_all_dialects() {
    for surface in Surface::ALL {
        cut_at_every_byte(surface, Close::Reset, 7);
    }
}

#[test]
fn k09_split_into_single_bytes_it_is_the_same() {
    for surface in Surface::ALL {
        let mut pair = Pair::of(surface, |_| {});
        for byte in [1, 100, pair.first - 1, pair.first, pair.first + 1, pair.whole.len() - 1] {
            let answer = pair.meet(story().rechunk([1]).cut_at(byte as u64, Close::Fin));
            let at = format!("{surface:?} in single bytes, cut at {byte}");
            if byte < pair.first {
                pair.assert_clean_failover(&answer, &at);
            } else {
                pair.assert_honest_end(&answer, byte, "upstream_error", &at);
            }
        }
    }
}

#[test]
fn k09_an_error_event_before_content_is_a_failover_and_after_it_the_clients_to_see() {
    for surface in Surface::ALL {
        for error in [VendorError::Overloaded, VendorError::Internal, VendorError::RateLimited(None)] {
            let mut pair = Pair::of(surface, |_| {});
            let answer = pair.meet(story().error_after(0, error.clone()));
            pair.assert_clean_failover(&answer, &format!("{surface:?} {error:?}"));
            for tokens in 1..TOKENS {
                let answer = pair.meet(story().error_after(tokens, error.clone()));
                let at = format!("{surface:?} {error:?} after {tokens}");
                assert_eq!(pair.served_by(), ["one-1"], "{at}");
                let begun = events(&answer.body);
                let whole = events(&pair.whole);
                let same = begun.iter().zip(&whole).take_while(|(one, other)| one == other).count();
                let rest = begun[same..].concat();
                assert!(rest.contains("error") && !surface.ends_well(&rest), "{at}: {rest}");
                assert_eq!(begun.len(), same + 1, "{at}: the provider's error is the last event: {begun:#?}");
                let prefix: usize = whole[..same].iter().map(String::len).sum();
                assert!(prefix >= pair.first, "{at}: the content before it is there");
            }
        }
    }
}

#[test]
fn k09_a_response_that_failed_is_replaced_before_content_and_shown_after_it() {
    let failed = "event: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":9,\"response\":{\"id\":\"resp_1\",\
                  \"object\":\"response\",\"status\":\"failed\",\"error\":{\"code\":\"server_error\",\"message\":\"It failed.\"},\
                  \"output\":[],\"usage\":null}}\n\n";
    let mut pair = Pair::of(Surface::Responses, |_| {});
    let ends_in_failure = |tokens: u64| story().insert_after(tokens, failed).error_after(tokens, VendorError::Internal);
    let answer = pair.meet(ends_in_failure(0));
    pair.assert_clean_failover(&answer, "response.failed");
    let answer = pair.meet(ends_in_failure(2));
    assert_eq!(pair.served_by(), ["one-1"]);
    let text = answer.text();
    assert!(answer.body.starts_with(&pair.whole[..pair.first]), "{text}");
    assert!(text.contains("response.failed") && !pair.surface.ends_well(&text), "{text}");
}

#[test]
fn k09_f54_a_stream_that_stalls_before_content_fails_over_at_the_deadline() {
    for surface in Surface::ALL {
        let mut pair = Pair::of(surface, |options| options.deadlines.first_content = Duration::from_millis(90));
        for stall in
            [Stall::BeforeHeaders, Stall::AtByte(1), Stall::BeforeFirstToken, Stall::AtByte(pair.first as u64 - 1)]
        {
            let answer = pair.meet(story().stall(stall));
            pair.assert_clean_failover(&answer, &format!("{surface:?} {stall:?}"));
        }
        pair.house.provider.release();
    }
}

#[test]
fn k09_f53_a_stream_that_stalls_after_content_is_an_honest_timeout() {
    for surface in Surface::ALL {
        let mut pair = Pair::of(surface, |options| options.deadlines.idle = Duration::from_millis(90));
        for byte in [pair.first, pair.first + 10, pair.whole.len() - 1] {
            let answer = pair.meet(story().stall(Stall::AtByte(byte as u64)));
            let at = format!("{surface:?} silent at {byte}");
            pair.assert_honest_end(&answer, byte, "upstream_timeout", &at);
        }
        pair.house.provider.release();
    }
}

#[test]
fn k09_whoever_got_a_sign_of_life_is_told_honestly_instead() {
    for surface in [Surface::Chat, Surface::Responses, Surface::Messages] {
        let mut pair = Pair::of(surface, |options| {
            options.deadlines.first_content = Duration::from_millis(150);
            options.deadlines.keep_alive = Duration::from_millis(40);
        });
        let answer = pair.meet(story().stall(Stall::BeforeFirstToken));
        let text = answer.text();
        assert_eq!((answer.status, pair.served_by()), (200, vec!["one-1"]), "{surface:?}: {text}");
        assert!(text.contains(": keep-alive\n\n") && text.contains("upstream_timeout"), "{surface:?}: {text}");
        assert!(!surface.ends_well(&text), "{surface:?}: {text}");
        pair.house.provider.release();
    }
    // Gemini's own SDK takes every line for data, so nothing is sent, and the failover is clean.
    let mut pair = Pair::of(Surface::Gemini, |options| {
        options.deadlines.first_content = Duration::from_millis(150);
        options.deadlines.keep_alive = Duration::from_millis(40);
    });
    let answer = pair.meet(story().stall(Stall::BeforeFirstToken));
    pair.assert_clean_failover(&answer, "Gemini");
    pair.house.provider.release();
}

#[test]
fn k09_a_sign_of_life_before_late_content_repeats_nothing() {
    for surface in [Surface::Chat, Surface::Responses, Surface::Messages] {
        let pair = Pair::of(surface, |options| options.deadlines.keep_alive = Duration::from_millis(40));
        let mut client = surface.client(&pair.house);
        pair.house.provider.clear_script();
        pair.house.provider.script(story().stall(Stall::BeforeFirstToken).for_key("one-1"));
        let mut begun = client.begin("POST", &surface.path("story"), surface.body("story").as_bytes());
        let mut text = begun.piece().unwrap().unwrap();
        assert!(String::from_utf8_lossy(&text).contains(": keep-alive"), "{surface:?}");
        pair.house.provider.release();
        text.extend(begun.finish().body);
        let text = String::from_utf8(text).unwrap().replace(": keep-alive\n\n", "");
        assert_eq!(text.as_bytes(), pair.whole, "{surface:?}");
    }
}

#[test]
fn a72_the_bytes_of_two_models_are_never_mixed() {
    for surface in Surface::ALL {
        let mut house = House::with_providers(|_| {}, &[]);
        house.add_vendor("one", surface.vendor(), &["one-1"]);
        house.add_vendor("two", surface.vendor(), &["two-1"]);
        let [model, other] = surface.models();
        house.add_alias("story", &[&format!("one/{model}"), &format!("two/{other}")]);
        house.key = house.add_key("reads", keyward_domain::virtual_key::Grant::default());
        let mut client = surface.client(&house);
        let mut post = |fault: Fault| {
            house.forgive();
            house.provider.clear_script();
            house.provider.script(fault.for_key("one-1"));
            house.provider.script(story().for_key("two-1").always());
            client.post(&surface.path("story"), &surface.body("story"))
        };
        let first = post(story()).body;
        let second = post(Fault::hang_up(Close::Fin)).body;
        assert_ne!(first, second, "two models");
        for byte in (1..first.len()).step_by(97) {
            let answer = post(story().cut_at(byte as u64, Close::Fin));
            let text = answer.text();
            if answer.header("x-keyward-provider") == Some("two") {
                assert!(answer.body == second, "{surface:?} at {byte}: {text}");
                assert!(answer.header("x-keyward-model") == Some(other));
            } else {
                let prefix = whole_until(&first, byte);
                assert!(answer.body.starts_with(&first[..prefix]), "{surface:?} at {byte}: {text}");
                let rest = String::from_utf8_lossy(&answer.body[prefix..]).into_owned();
                assert_eq!(surface.error_code(&rest).as_deref(), Some("upstream_error"), "{surface:?}: {rest}");
            }
        }
    }
}
